-- The legacy system: integer keys, numeric codes, times without a zone, few constraints.
-- Every value is arithmetic on the row number, so that the same sizes give the same rows on every run and every server.
-- Sizes come in as settings demo.<table> (see sizes.ts).

create function pg_temp.size(name text) returns bigint language sql stable
  return current_setting('demo.' || name)::bigint;

-- a number below 2^31 that looks random; one multiplier per salt, so that two columns of a row do not move together
create function pg_temp.mix(n bigint, salt integer) returns bigint language sql immutable
  return (n * (1103515245 + salt::bigint * 7368787) + salt) % 2147483647;

create function pg_temp.pick(list text[], n bigint) returns text language sql immutable
  return list[1 + n % cardinality(list)];

-- some moment of a working day between 2017 and 2024, 08:00 to 18:00, so that no time falls into a switch of daylight saving
create function pg_temp.moment(n bigint, salt integer) returns timestamp language sql immutable
  return timestamp '2017-01-02 08:00' + (pg_temp.mix(n, salt) % 2800) * interval '1 day' + (pg_temp.mix(n, salt + 1) % 36000) * interval '1 second';

create function pg_temp.first_name(n bigint) returns text language sql immutable
  return pg_temp.pick('{Anna,Ben,Chloé,Dmitri,Elif,François,Greta,Hiro,Inés,Jürgen,Kateřina,Liam,Mårten,Noor,Olivia,Paweł,Quinn,Renée,Søren,Thùy,Uma,Victor,Wei,Ximena,Yusuf,Zoë,Amara,Bruno,Carmen,David,Emily,Grace,Henry,Isabel,James,Linda,Maria,Robert,Susan,William}', n);

create function pg_temp.last_name(n bigint) returns text language sql immutable
  return pg_temp.pick('{Müller,O''Brien,García,Nowak,Smith,Johnson,Nguyễn,Kowalski,Østergaard,Dupont,Rossi,Yılmaz,Tanaka,李,Novák,Andersson,Brown,Martínez,Ivanova,Okafor,Silva,Kim,Patel,Cohen,Haddad,Fischer,Moreau,van Dijk,D''Angelo,Walker,Young,Lopez,Hill,Scott,Green,Adams,Baker,Nelson,Carter,Mitchell,Perez,Roberts,Turner,Phillips,Campbell,Parker,Evans}', n);

-- only ASCII is kept, the capitals stay: the legacy system never normalised an address
create function pg_temp.email(name text, n bigint, host text) returns text language sql immutable
  return regexp_replace(name, '[^A-Za-z]+', '.', 'g') || n || '@' || host;

-- offices that are in use: 1, 2, 3, 4, 6, 7, 8, 9, 11 ...; every fifth one is not valid
create function pg_temp.office_in_use(n bigint) returns integer language sql immutable
  return (n % 48 + n % 48 / 4 + 1)::integer;

-- ---------------------------------------------------------------------------------------------- business

create table office (
  id      integer primary key,
  code    varchar(8) not null unique,
  name    text not null,
  street  text,
  city    text not null,
  country char(2) not null,
  phone   varchar(32),
  rooms   smallint,
  valid   boolean,
  opened  date not null
);
insert into office
select n, 'OF' || lpad(n::text, 4, '0'), pg_temp.pick('{Bright Smile,Riverside Dental,Zahnärzte am Park,Clínica Sol,Harbour Dental,Cabinet Molière}',
       n) || ' ' || n,
       case when n % 7 <> 0 then (10 + n * 3) || ' ' || pg_temp.pick('{Main Street,Elm Avenue,Königstraße,Rue de l''Église,Harbour Road}', n) end,
       pg_temp.pick('{Boston,New York,Montréal,Philadelphia,Zürich,Providence}', n), pg_temp.pick('{US,US,CA,US,CH,US}', n),
       case when n % 9 <> 0 then '+1 617 555 ' || lpad((n * 37 % 10000)::text, 4, '0') end, (2 + n % 9)::smallint,
       case when n % 10 = 0 then false when n % 5 = 0 then null else true end, date '1998-03-01' + (n * 131)::integer
from generate_series(1, pg_temp.size('office')) n;

create table invoice (
  id           integer primary key,
  patient_id   integer not null,
  number       varchar(20) not null unique,
  "customerRef" varchar(30),
  issued       date not null,
  due          date,
  currency     char(3) not null,
  net          numeric(12,2) not null,
  tax_rate     numeric(5,2),
  total        numeric(12,2) not null,
  status       smallint not null,
  reminded     boolean
);
insert into invoice
select n, patient_id, 'R-' || extract(year from issued) || '-' || lpad(n::text, 7, '0'), case when mix % 3 = 0 then 'PO ' || mix % 99991 end,
       issued, case when mix % 11 <> 0 then issued + 30 end, pg_temp.pick('{USD,USD,USD,CAD,CHF}', mix), net, tax,
       round(net * (1 + coalesce(tax, 0) / 100), 2), 1 + mix % 4, case mix % 5 when 0 then null when 1 then true else false end
from generate_series(1, pg_temp.size('invoice')) n,
lateral (select pg_temp.mix(n, 11) as mix, (1 + pg_temp.mix(n, 12) % (pg_temp.size('patient') - 10))::integer as patient_id,
         pg_temp.moment(n, 13)::date as issued, (pg_temp.mix(n, 15) % 240000 / 100.0)::numeric(12,2) as net,
         case when pg_temp.mix(n, 16) % 6 <> 0 then (array[6.25, 8.88, 13, 7.70])[1 + pg_temp.mix(n, 16) % 4] end as tax) v;
create index invoice_patient on invoice (patient_id);

-- two lines for each of the older invoices; the newest are drafts without a line
create table invoice_line (
  invoice_id  integer not null,
  line_no     smallint not null,
  procedure   varchar(8),
  description text not null,
  quantity    numeric(8,2) not null,
  unit_price  numeric(12,4) not null,
  primary key (invoice_id, line_no)
);
insert into invoice_line
select (n + 1) / 2, 1 + (n + 1) % 2, case when mix % 8 <> 0 then 'D' || lpad((100 + mix % 60)::text, 4, '0') end,
       pg_temp.pick('{Examination,Cleaning,Filling,Crown – porcelain,Röntgen,Extraction,Fluoride,Aligner set}', mix),
       (1 + mix % 3) + (mix % 2) * 0.5, (mix % 4000000) / 10000.0
from generate_series(1, pg_temp.size('invoice_line')) n, lateral (select pg_temp.mix(n, 21) as mix) v;

create table payment (
  id         integer primary key,
  invoice_id integer not null,
  amount     numeric(12,2) not null,
  method     smallint not null,
  paid_at    timestamp not null,
  reference  text
);
insert into payment
select n, n, ((mix % 150000) - 2000) / 100.0, 1 + mix % 4, pg_temp.moment(n, 32), case when mix % 4 <> 0 then 'TX' || upper(to_hex(mix)) end
from generate_series(1, pg_temp.size('payment')) n, lateral (select pg_temp.mix(n, 31) as mix) v;
create index payment_invoice on payment (invoice_id);

create table supplier (
  id           integer primary key,
  name         text not null,
  country      char(2) not null,
  city         text,
  vat_no       varchar(20),
  email        varchar(120),
  credit_limit numeric(10,2),
  since        date
);
insert into supplier
select n, pg_temp.pick('{Dental Depot,MediSupply,Zahntechnik Nord,Fournitures Leclerc,Iberdent,Nordic Ortho}', n) || ' ' || n,
       (array['US','DE','FR','ES','SE','CA','GB','IT','PL','JP'])[1 + n % 10],
       case when n % 6 <> 0 then pg_temp.pick('{Chicago,Köln,Lyon,Málaga,Malmö,Toronto,Leeds}', n) end,
       case when n % 4 <> 0 then 'VAT' || 100000 + n * 7919 end,
       'Orders' || n || '@Supplier' || n || '.example', case when n % 5 <> 0 then n * 250.5 end, date '2009-05-04' + (n * 97)::integer
from generate_series(1, pg_temp.size('supplier')) n;

create table laboratory (
  id              integer primary key,
  name            text not null,
  country         char(2) not null,
  city            text,
  contact_email   varchar(120),
  turnaround_days smallint
);
insert into laboratory
select n, pg_temp.pick('{Crown Lab,Labor Weiß,Prothèse Plus,Precision Ceramics,Aligner Works}', n) || ' ' || n, (array['US','CA','CH'])[1 + n % 3],
       pg_temp.pick('{Albany,Québec,Genève,Newark}', n), case when n % 5 <> 0 then 'Lab' || n || '@Laboratory.example' end,
       case when n % 7 <> 0 then (3 + n % 12)::smallint end
from generate_series(1, pg_temp.size('laboratory')) n;

-- rates in percent and rates as fractions below 1, as they were typed; two are beyond 100 percent
create table tax_rate (
  code  varchar(8) primary key,
  title text not null,
  rate  numeric(6,3) not null
);
insert into tax_rate
select 'T' || lpad(n::text, 3, '0'), pg_temp.pick('{Sales tax,Reduced rate,Mehrwertsteuer,Impôt local}', n) || ' ' || n,
       case when n = 7 then 120 when n = 11 then 150 when n % 4 = 0 then n / 100.0 else n + 0.255 end
from generate_series(1, pg_temp.size('tax_rate')) n;

-- doctors 1 to 40 order at laboratories; the doctors of the first three orders are gone
create table lab_order (
  id            integer primary key,
  laboratory_id integer not null,
  patient_id    integer not null,
  doctor_id     integer not null,
  currency      char(3) not null,
  price         numeric(10,2) not null,
  state         smallint not null,
  ordered       date not null
);
insert into lab_order
select n, 1 + n % pg_temp.size('laboratory'), 100 + n, case when n <= 3 then 9000 + n else 1 + n % 40 end, pg_temp.pick('{USD,CAD,CHF}', n),
       (mix % 90000) / 100.0, (1 + n % 3)::smallint, date '2023-01-09' + (n * 7)::integer
from generate_series(1, pg_temp.size('lab_order')) n, lateral (select pg_temp.mix(n, 171) as mix) v;

-- two items for each order; the orders of the last four items were deleted years ago
create table lab_order_item (
  id       integer primary key,
  order_id integer not null,
  material varchar(40),
  tooth    smallint not null,
  price    numeric(10,2) not null
);
insert into lab_order_item
select n, case when n > pg_temp.size('lab_order_item') - 4 then 7000 + n else (n + 1) / 2 end,
       case when n % 5 <> 0 then pg_temp.pick('{zirconia,gold,composite,Keramik}', n) end, (11 + n % 8)::smallint, (pg_temp.mix(n, 172) % 45000) / 100.0
from generate_series(1, pg_temp.size('lab_order_item')) n;

-- the doctors of the quotes 40 to 59 have no order at a laboratory
create table quote (
  id         integer primary key,
  patient_id integer not null,
  doctor_id  integer not null,
  currency   char(3) not null,
  amount     numeric(12,2) not null,
  state      smallint not null,
  issued     date not null
);
insert into quote
select n, 120 + n, 1 + n % 60, pg_temp.pick('{USD,CAD,CHF}', n), (pg_temp.mix(n, 173) % 900000) / 100.0, (1 + n % 2)::smallint, date '2023-02-06' + (n * 5)::integer
from generate_series(1, pg_temp.size('quote')) n;

-- ---------------------------------------------------------------------------------------------- clinical

create table doctor (
  id         integer primary key,
  office_id  integer not null,
  title      varchar(10),
  first_name varchar(60) not null,
  last_name  varchar(60) not null,
  email      varchar(120) not null,
  licence_no varchar(20) not null,
  speciality smallint,
  active     boolean,
  hired      date not null,
  created    timestamp not null
);
insert into doctor
select n, pg_temp.office_in_use(n), case n % 3 when 0 then 'Dr.' when 1 then 'Prof.' end, first, last, pg_temp.email(first || '.' || last, n, 'Clinic.example'),
       'L' || lpad((n * 7717 % 1000000)::text, 6, '0'), case when n % 8 <> 0 then 1 + n % 4 end, case n % 10 when 0 then false when 1 then null else true end,
       date '2001-09-03' + (n * 59)::integer, pg_temp.moment(n, 41)
from generate_series(1, pg_temp.size('doctor')) n, lateral (select pg_temp.first_name(pg_temp.mix(n, 42)) as first, pg_temp.last_name(pg_temp.mix(n,
  43)) as last) v;

-- a suffix is known of twelve patients only
create table patient (
  id         integer primary key,
  office_id  integer not null,
  doctor_id  integer,
  first_name varchar(60) not null,
  last_name  varchar(60) not null,
  suffix     varchar(10),
  birthdate  date,
  sex        smallint,
  email      varchar(120),
  phone      varchar(32),
  fax        varchar(32),
  balance    numeric(12,2) not null,
  newsletter boolean,
  remarks    text,
  created    timestamp not null,
  updated    timestamp
);
insert into patient
select n, pg_temp.office_in_use(mix), case when mix % 12 <> 0 then 1 + mix % pg_temp.size('doctor') end, first, last,
       case when n between 71 and 82 then pg_temp.pick('{Jr.,Sr.,III}', n) end, case when mix % 40 <> 0 then date '1931-01-01' + (mix % 30000)::integer end,
       case when mix % 15 <> 0 then 1 + mix % 3 end, case when mix % 9 <> 0 then pg_temp.email(first || '.' || last, n,
       pg_temp.pick('{Mail.example,mail.example,Post.example}', n)) end,
       case when mix % 6 <> 0 then '+1 212 555 ' || lpad((mix % 10000)::text, 4, '0') end, case when mix % 50 = 0 then '+1 212 556 0000' end,
       case when mix % 3 = 0 then 0 else ((mix % 200000) - 50000) / 100.0 end, case mix % 4 when 0 then null when 1 then true else false end,
       case mix % 10 when 0 then 'allergic to penicillin' when 1 then '' when 2 then 'prefers mornings ☀' when 3 then 'Überweisung Dr. Groß' end,
       created, case when mix % 5 <> 0 then created + (mix % 700) * interval '1 day' + (mix % 9000) * interval '1 second' end
from generate_series(1, pg_temp.size('patient')) n,
lateral (select pg_temp.mix(n, 54) as mix, pg_temp.first_name(pg_temp.mix(n, 55)) as first, pg_temp.last_name(pg_temp.mix(n, 56)) as last,
         pg_temp.moment(n, 51) as created) v;
create index patient_office on patient (office_id);

create table procedure_catalog (
  code    varchar(8) primary key,
  title   text not null,
  fee     numeric(10,2),
  minutes smallint not null,
  active  boolean not null
);
insert into procedure_catalog
select 'D' || lpad((99 + n)::text, 4, '0'), pg_temp.pick('{Periodic examination,Prophylaxis,Composite filling,Root canal,Implant – stage I,Aligner review}', n) || ' ' || n,
       case when n % 9 <> 0 then n * 17.35 end, (10 + n % 8 * 5)::smallint, n % 11 <> 0
from generate_series(1, pg_temp.size('procedure_catalog')) n;

-- 25 appointments carry the code 9: archived by the old retention job
create table appointment (
  id         integer primary key,
  patient_id integer not null,
  doctor_id  integer,
  office_id  integer not null,
  starts_at  timestamp not null,
  minutes    smallint not null,
  status     smallint not null,
  note       text,
  created    timestamp not null
);
insert into appointment
select n, 1 + mix % (pg_temp.size('patient') - 10), case when mix % 20 <> 0 then 1 + pg_temp.mix(n, 62) % pg_temp.size('doctor') end,
       pg_temp.office_in_use(mix),
       date_trunc('hour', created + mix % 60 * interval '1 day') + (mix % 4) * interval '15 minutes', 15 + mix % 5 * 15,
       case when n between 101 and 125 then 9 else 1 + mix % 4 end,
       case mix % 6 when 0 then 'bring insurance card' when 1 then 'Kontrolle nach Füllung' when 2 then '' end, created
from generate_series(1, pg_temp.size('appointment')) n, lateral (select pg_temp.mix(n, 61) as mix, pg_temp.moment(n, 63) as created) v;
create index appointment_patient on appointment (patient_id);

-- doctor 1 is the house account and treats nobody
create table treatment (
  id         integer primary key,
  patient_id integer not null,
  doctor_id  integer not null,
  procedure  varchar(8) not null,
  tooth      smallint,
  price      numeric(10,2) not null,
  performed  timestamp not null,
  billed     boolean,
  remarks    text
);
insert into treatment
select n, 1 + mix % (pg_temp.size('patient') - 10), 2 + pg_temp.mix(n, 72) % (pg_temp.size('doctor') - 1),
       'D' || lpad((100 + mix % pg_temp.size('procedure_catalog'))::text, 4, '0'),
       case when mix % 5 <> 0 then 11 + mix % 8 + mix % 4 * 10 end, (mix % 180000) / 100.0,
       pg_temp.moment(n, 73) + (mix % 1000000) * interval '1 microsecond', case mix % 7 when 0 then null when 1 then false else true end,
       case mix % 9 when 0 then 'local anaesthesia' when 1 then 'β-test – ok' end
from generate_series(1, pg_temp.size('treatment')) n, lateral (select pg_temp.mix(n, 71) as mix) v;
create index treatment_patient on treatment (patient_id);

create table tag (
  id     integer primary key,
  label  varchar(40) not null unique,
  colour char(7)
);
insert into tag
select n, pg_temp.pick('{VIP,Recall,Anxious,Family,Ortho,Implant,Überfällig,Student,Señor 65+,Self-pay}', n) || ' ' || n,
       case when n % 4 <> 0 then '#' || lpad(to_hex(n * 65793 % 16777216), 6, '0') end
from generate_series(1, pg_temp.size('tag')) n;

-- two tags for each of the first patients; tag 30 is given to the patients 40, 80 and 120 only
create table patient_tag (
  patient_id integer not null,
  tag_id     integer not null,
  added_on   date not null,
  added_by   integer,
  primary key (patient_id, tag_id)
);
insert into patient_tag
select patient_id,
       case when n % 2 = 1 then 1 + mix % 14
            when patient_id in (40, 80, 120) then 30
            when patient_id = 50 then 15
            when patient_id = 60 then 16
            else 15 + mix % 15 end,
       date '2018-02-01' + (mix % 2000)::integer, case when mix % 6 <> 0 then 4 * (1 + mix % (pg_temp.size('app_user') / 4)) end
from generate_series(1, pg_temp.size('patient_tag')) n, lateral (select (n + 1) / 2 as patient_id, pg_temp.mix(n, 81) as mix) v;

create table file (
  id         integer primary key,
  patient_id integer,
  path       text not null,
  mime       varchar(60) not null,
  bytes      bigint not null,
  digest     bytea,
  uploaded   timestamp not null
);
insert into file
select n, case when mix % 10 <> 0 then 1 + mix % (pg_temp.size('patient') - 10) end,
       '/archive/' || 2017 + mix % 8 || '/' || pg_temp.pick('{scan,röntgen,consent,photo}', mix) || '-' || n || '.bin',
       pg_temp.pick('{image/jpeg,application/dicom,application/pdf,image/png}', mix), 1024 + mix * 3,
       case when mix % 13 <> 0 then decode(md5('file ' || n), 'hex') end, pg_temp.moment(n, 92)
from generate_series(1, pg_temp.size('file')) n, lateral (select pg_temp.mix(n, 91) as mix) v;
create index file_patient on file (patient_id);

-- an image belongs to an order at a laboratory, and only through it to a patient
create table xray (
  id       integer primary key,
  order_id integer not null,
  path     text not null
);
insert into xray select n, 1 + n % 56, '/images/x-' || n || '.dcm' from generate_series(1, pg_temp.size('xray')) n;

-- answers are JSON in a text: 11 to 14 are free text of the first release, 21 to 23 and 31 to 34 were cut off by the old form
create table questionnaire (
  id         integer primary key,
  patient_id integer not null,
  answers    text,
  filled     timestamp not null
);
insert into questionnaire
select n, 1 + mix % (pg_temp.size('patient') - 10),
       case when n between 11 and 14 then 'Raucher, keine Allergien – ' || n
            when n between 21 and 23 or n between 31 and 34 then '{"smoker": true, "number": ' || n || ', "allerg'
            when n % 10 <> 0 then '{"smoker":' || (n % 2 = 0)::text || ',  "weight": ' || 50 + n || '.50, "allergies": ["latex", "pénicilline"], "number": ' || n || ' }' end,
       pg_temp.moment(n, 182)
from generate_series(1, pg_temp.size('questionnaire')) n, lateral (select pg_temp.mix(n, 181) as mix) v;

-- colleagues who refer patients; twenty were entered twice, the second time with another spelling of the e-mail, and five have none
create table referring_doctor (
  id          integer primary key,
  name        text not null,
  email       varchar(120),
  phone       varchar(32),
  city        text,
  last_letter date
);
insert into referring_doctor
select n, name, case when person between 31 and 35 then null when n > 40 then ' ' || upper(email) else email end,
       '+1 518 555 ' || lpad((case when n = 44 then 9999 else person * 41 end)::text, 4, '0'), pg_temp.pick('{Albany,Troy,Montréal,Utica}', person),
       case when n <= 40 or n % 2 = 1 then date '2018-03-05' + (n * 20)::integer end
from generate_series(1, pg_temp.size('referring_doctor')) n, lateral (select 1 + (n - 1) % 40 as person) p,
lateral (select pg_temp.first_name(pg_temp.mix(person, 185)) || ' ' || pg_temp.last_name(pg_temp.mix(person, 186)) as name) v,
lateral (select pg_temp.email(name, person, 'Practice.example') as email) e;

create table waiting_entry (
  id         integer primary key,
  patient_id integer not null,
  wish       text,
  priority   smallint not null,
  updated    timestamp not null
);
insert into waiting_entry
select n, 1 + mix % (pg_temp.size('patient') - 10), case when n % 6 <> 0 then pg_temp.pick('{mornings,after 4 pm,vormittags,le mardi}', n) end,
       (1 + n % 3)::smallint, pg_temp.moment(n, 192)
from generate_series(1, pg_temp.size('waiting_entry')) n, lateral (select pg_temp.mix(n, 191) as mix) v;

-- ---------------------------------------------------------------------------------------------- communications and technical

-- every fourth account is staff, the others patients at the portal; six accounts belong to programs
create table app_user (
  id           integer primary key,
  kind         varchar(10) not null,
  login        varchar(60) not null unique,
  email        varchar(120),
  display_name text,
  role         smallint,
  password     text not null,
  active       boolean,
  last_login   timestamp,
  created      timestamp not null
);
insert into app_user
select n, kind, 'user' || n, pg_temp.email(first || '.' || last, case n when 7 then 6 when 11 then 10 else n end, 'Clinic.example'), first || ' ' || last,
       case when kind = 'staff' then 1 + mix % 4 end, md5('password ' || n), case mix % 9 when 0 then null when 1 then false else true end,
       case when mix % 4 <> 0 then created + (mix % 900) * interval '1 day' + (mix % 1000) * interval '1 millisecond' end, created
from generate_series(1, pg_temp.size('app_user')) n,
lateral (select pg_temp.mix(n, 101) as mix, pg_temp.moment(n, 104) as created,
  case when n in (5, 13, 21, 29, 37, 45) then 'api' when n % 4 = 0 then 'staff' else 'portal' end as kind,
         case n when 7 then 6 when 11 then 10 else n end as person) u,
lateral (select pg_temp.first_name(pg_temp.mix(person, 105)) as first, pg_temp.last_name(pg_temp.mix(person, 106)) as last) v;

create table message_template (
  id       integer primary key,
  code     varchar(40) not null unique,
  language char(2) not null,
  subject  text,
  body     text not null,
  active   boolean not null
);
insert into message_template
select n, pg_temp.pick('{reminder,recall,invoice,welcome,feedback,closing}', n) || '-' || n, (array['en','fr','de','es'])[1 + n % 4],
       case when n % 6 <> 0 then 'Subject – ' || n end,
       E'Dear {{name}},\n' || pg_temp.pick('{"see you soon 🦷","à bientôt","bis bald","hasta pronto"}', n), n % 8 <> 0
from generate_series(1, pg_temp.size('message_template')) n;

-- nine messages have no subject; there are none with an empty one
create table message (
  id         integer primary key,
  patient_id integer not null,
  sender_id  integer,
  subject    varchar(200),
  body       text not null,
  sent_at    timestamp not null,
  read_flag  boolean
);
insert into message
select n, 1 + mix % (pg_temp.size('patient') - 10), case when mix % 7 <> 0 then 4 * (1 + mix % (pg_temp.size('app_user') / 4)) end,
       case when n not between 61 and 69 then pg_temp.pick('{Your appointment,Invoice,Votre rendez-vous,Ihre Rechnung,After your treatment}',
       mix) || ' #' || mix % 9973 end,
       pg_temp.pick('{"Please call us back.","Merci de confirmer – à lundi !","Everything looks good 👍","Bitte 10 Minuten früher kommen; Schlüssel: \"A|B\"."}', mix) || ' (' || n || ')',
       pg_temp.moment(n, 112), case mix % 5 when 0 then null when 1 then false else true end
from generate_series(1, pg_temp.size('message')) n, lateral (select pg_temp.mix(n, 111) as mix) v;
create index message_patient on message (patient_id);

-- five notifications use the channel 7 that nobody remembers; two belong to accounts that were deleted long ago
create table notification (
  id          integer primary key,
  user_id     integer,
  template_id integer not null,
  channel     smallint not null,
  delivered   boolean,
  retries     integer not null,
  sent_at     timestamp not null
);
insert into notification
select n, case when n in (31, 32) then 90000000 + n when n between 11 and 22 or mix % 8 <> 0 then 4 * (1 + mix % (pg_temp.size('app_user') / 4)) end,
       1 + mix % pg_temp.size('message_template'), case when n between 41 and 45 then 7 else 1 + mix % 3 end,
       case mix % 6 when 0 then null when 1 then false else true end,
       case when mix % 3 = 0 then mix % 5 else 0 end, pg_temp.moment(n, 122)
from generate_series(1, pg_temp.size('notification')) n, lateral (select pg_temp.mix(n, 121) as mix) v;
create index notification_user on notification (user_id);

-- one each month from February 2019 on
create table reminder (
  id         integer primary key,
  patient_id integer not null,
  text       text not null,
  sent_at    timestamp not null
);
insert into reminder
select n, 1 + pg_temp.mix(n, 201) % (pg_temp.size('patient') - 10), 'Recall no. ' || n, timestamp '2019-01-07 09:00' + n * interval '30 days'
from generate_series(1, pg_temp.size('reminder')) n;

-- what a line is about tells the type: 11 patient, 12 doctor, 58 account; nobody knows what 99 was
create table activity (
  id          integer primary key,
  target_type smallint not null,
  target_id   integer not null,
  text        text not null,
  at          timestamp not null
);
insert into activity
select n, type, case type when 11 then 1 + mix % (pg_temp.size('patient') - 10) when 12 then 1 + mix % pg_temp.size('doctor')
                          else 4 * (1 + mix % (pg_temp.size('app_user') / 4)) end,
       pg_temp.pick('{called back,address checked,Rezept erneuert,à rappeler}', n) || ' (' || n || ')', pg_temp.moment(n, 212)
from generate_series(1, pg_temp.size('activity')) n,
lateral (select pg_temp.mix(n, 211) as mix, case when n in (25, 26) then 99 else (array[11, 12, 58])[1 + n % 3] end as type) v;

create table device (
  id          integer primary key,
  office_id   integer not null,
  serial      varchar(30) not null unique,
  kind        smallint not null,
  firmware    varchar(20),
  calibration double precision,
  retired     boolean,
  installed   date not null,
  last_seen   timestamp
);
insert into device
select n, pg_temp.office_in_use(n), 'SN-' || upper(lpad(to_hex(mix), 8, '0')) || '-' || n, 1 + n % 4,
       case when mix % 7 <> 0 then 'v' || 1 + mix % 4 || '.' || mix % 20 end,
       case when mix % 5 <> 0 then (mix % 100000) / 3.0 end, case mix % 6 when 0 then true when 1 then null else false end,
       date '2014-01-06' + (mix % 3000)::integer,
       case when mix % 4 <> 0 then pg_temp.moment(n, 132) end
from generate_series(1, pg_temp.size('device')) n, lateral (select pg_temp.mix(n, 131) as mix) v;

create table audit_log (
  id      bigint primary key,
  user_id integer,
  action  varchar(20) not null,
  subject varchar(40) not null,
  at      timestamp not null,
  address inet,
  detail  json
);
insert into audit_log
select n, case when mix % 9 <> 0 then 4 * (1 + mix % (pg_temp.size('app_user') / 4)) end, pg_temp.pick('{read,update,create,delete,login,export}', mix),
       pg_temp.pick('{patient,invoice,appointment,file}', mix) || ' ' || mix % 5003, pg_temp.moment(n, 142) + (mix % 1000000) * interval '1 microsecond',
       case when mix % 11 <> 0 then ('10.' || mix % 200 || '.' || mix % 251 || '.' || mix % 241)::inet end,
       case when mix % 3 = 0 then json_build_object('field', pg_temp.pick('{phone,e-mail,naïve note}', mix), 'attempt', mix % 4, 'ok', mix % 2 = 0) end
from generate_series(1, pg_temp.size('audit_log')) n, lateral (select pg_temp.mix(n, 141) as mix) v;

-- not migrated on purpose: everybody signs in again
create table user_session (
  id         integer primary key,
  user_id    integer not null,
  token      char(32) not null,
  expires_at timestamp not null
);
insert into user_session
select n, 1 + pg_temp.mix(n, 151) % pg_temp.size('app_user'), md5('session ' || n), pg_temp.moment(n, 152)
from generate_series(1, pg_temp.size('user_session')) n;

-- nobody remembered this one: it is in no entity of the plan
create table fax_queue (
  id      integer primary key,
  number  varchar(32) not null,
  pages   smallint not null,
  queued  timestamp not null
);
insert into fax_queue
select n, '+1 617 556 ' || lpad((n * 53 % 10000)::text, 4, '0'), (1 + n % 6)::smallint, pg_temp.moment(n, 161)
from generate_series(1, pg_temp.size('fax_queue')) n;
