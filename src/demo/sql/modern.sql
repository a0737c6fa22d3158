-- The modern system and its migration scripts: UUID keys, enums, times with a zone, foreign keys.
-- The schema `landing` holds the legacy tables as they were on the day of the move; it is dropped at the end.
-- A new key is the md5 of type and legacy key, so that every run gives the same UUIDs.

create function pg_temp.modern_id(type text, legacy bigint) returns uuid language sql immutable
  return md5(type || ':' || legacy)::uuid;

create function pg_temp.local(moment timestamp) returns timestamptz language sql immutable
  return moment at time zone 'America/New_York';

create type doctor_speciality as enum ('general', 'orthodontics', 'surgery', 'paediatrics');
create type sex as enum ('female', 'male', 'other');
create type staff_role as enum ('receptionist', 'assistant', 'manager', 'administrator');
create type appointment_status as enum ('booked', 'confirmed', 'completed', 'cancelled', 'archived');
create type invoice_status as enum ('draft', 'open', 'paid', 'written_off');
create type payment_method as enum ('card', 'cash', 'transfer', 'insurance');
create type notification_channel as enum ('email', 'sms', 'push');
create type lab_order_status as enum ('ordered', 'delivered', 'returned');
create type estimate_status as enum ('open', 'accepted');
create type device_kind as enum ('xray', 'scanner', 'chair', 'steriliser');

-- the shared key map: most scripts note here which legacy key became which UUID
create table migration_mappings (
  entity_type text not null,
  legacy_id   bigint not null,
  modern_id   uuid not null,
  primary key (entity_type, legacy_id)
);

-- script: migrate-offices
create table offices (
  id               uuid primary key,
  legacy_office_id integer unique,
  code             text not null unique,
  name             text not null,
  address          text not null,
  country_code     text not null,
  phone            text,
  room_count       integer,
  opened_on        date not null,
  created_by       text not null default 'migration'
);
insert into offices
select pg_temp.modern_id('office', id), id, code, name, concat_ws(', ', street, city), country, phone, rooms, opened
from landing.office where valid;

-- script: migrate-doctors
create table doctors (
  id             uuid primary key,
  office_id      uuid not null references offices,
  display_name   text not null,
  email          text not null,
  licence_number text not null,
  speciality     doctor_speciality,
  is_active      boolean,
  hired_on       date not null,
  created_at     timestamptz not null
);
insert into migration_mappings select 'doctor', id, pg_temp.modern_id('doctor', id) from landing.doctor;
insert into doctors
select pg_temp.modern_id('doctor', id), pg_temp.modern_id('office', office_id), trim(coalesce(title, '') || ' ' || first_name || ' ' || last_name),
       lower(email),
       licence_no, (array['general', 'orthodontics', 'surgery', 'paediatrics'])[speciality]::doctor_speciality, active, hired, pg_temp.local(created)
from landing.doctor;

-- script: migrate-patients
create table patients (
  id               uuid primary key,
  office_id        uuid not null references offices,
  doctor_id        uuid references doctors,
  full_name        text not null,
  last_name        text not null,
  suffix           text,
  date_of_birth    date,
  sex              sex,
  email            text,
  phone            text,
  balance          numeric(14,4) not null,
  wants_newsletter boolean,
  remarks          text,
  row_version      integer not null default 1,
  created_at       timestamptz not null,
  updated_at       timestamptz
);
insert into migration_mappings select 'patient', id, pg_temp.modern_id('patient', id) from landing.patient;
insert into patients
select pg_temp.modern_id('patient', id), pg_temp.modern_id('office', office_id), pg_temp.modern_id('doctor', doctor_id),
       trim(first_name || ' ' || last_name), last_name, suffix,
       birthdate, (array['female', 'male', 'other'])[sex]::sex, lower(email), phone, balance, newsletter, remarks, 1, pg_temp.local(created),
       pg_temp.local(updated)
from landing.patient;

-- script: migrate-staff
create table staff_members (
  id            uuid primary key,
  legacy_id     integer unique,
  login         text not null unique,
  email         text,
  display_name  text,
  role          staff_role,
  is_active     boolean,
  last_login_at timestamptz,
  created_at    timestamptz not null
);
insert into staff_members
select pg_temp.modern_id('staff', id), id, login, lower(email), display_name,
       (array['receptionist', 'assistant', 'manager', 'administrator'])[role]::staff_role,
       active, pg_temp.local(last_login), pg_temp.local(created)
from landing.app_user where kind = 'staff';

-- script: migrate-portal-accounts
create table portal_accounts (
  id            uuid primary key,
  login         text not null,
  email         text,
  display_name  text,
  is_active     boolean,
  last_login_at timestamptz,
  created_at    timestamptz not null
);
insert into migration_mappings select 'portal', id, pg_temp.modern_id('portal', id) from landing.app_user where kind = 'portal';
insert into portal_accounts
select pg_temp.modern_id('portal', id), login, lower(email), display_name, active, pg_temp.local(last_login), pg_temp.local(created)
from landing.app_user where kind = 'portal';

-- script: migrate-procedures
create table procedures (
  code             text primary key,
  title            text not null,
  fee              numeric(12,4),
  duration_minutes integer not null,
  active           boolean not null
);
insert into procedures select code, title, fee, minutes, active from landing.procedure_catalog;

-- script: migrate-appointments
create table appointments (
  id         uuid primary key,
  patient_id uuid not null references patients,
  doctor_id  uuid references doctors,
  office_id  uuid not null references offices,
  starts_at  timestamptz not null,
  ends_at    timestamptz not null,
  status     appointment_status not null,
  note       text,
  created_at timestamptz not null
);
-- of the archived ones (code 9) only those of the current retention period were carried over
insert into migration_mappings select 'appointment', id, pg_temp.modern_id('appointment', id) from landing.appointment where status <> 9 or id > 120;
insert into appointments
select pg_temp.modern_id('appointment', id), pg_temp.modern_id('patient', patient_id), pg_temp.modern_id('doctor', doctor_id),
       pg_temp.modern_id('office', office_id), pg_temp.local(starts_at),
       pg_temp.local(starts_at + minutes * interval '1 minute'),
       (array['booked', 'confirmed', 'completed', 'cancelled', null, null, null, null, 'archived'])[status]::appointment_status, note, pg_temp.local(created)
from landing.appointment where status <> 9 or id > 120;

-- script: migrate-treatments
create table treatments (
  id             uuid primary key,
  patient_id     uuid not null references patients,
  doctor_id      uuid not null references doctors,
  procedure_code text not null references procedures,
  tooth          integer,
  price          numeric(14,4) not null,
  performed_at   timestamptz not null,
  is_billed      boolean,
  remarks        text
);
insert into migration_mappings select 'treatment', id, pg_temp.modern_id('treatment', id) from landing.treatment;
insert into treatments
select pg_temp.modern_id('treatment', id), pg_temp.modern_id('patient', patient_id), pg_temp.modern_id('doctor', doctor_id), procedure, tooth, price,
       pg_temp.local(performed), billed, remarks
from landing.treatment;

-- script: migrate-tags
create table tags (
  id     uuid primary key,
  label  text not null unique,
  colour text
);
create table patient_tags (
  patient_id uuid not null references patients,
  tag_id     uuid not null references tags,
  added_on   date not null,
  added_by   uuid references staff_members,
  primary key (patient_id, tag_id)
);
insert into migration_mappings select 'tag', id, pg_temp.modern_id('tag', id) from landing.tag;
insert into tags select pg_temp.modern_id('tag', id), label, colour from landing.tag;
insert into patient_tags
select pg_temp.modern_id('patient', patient_id), pg_temp.modern_id('tag', tag_id), added_on, pg_temp.modern_id('staff', added_by)
from landing.patient_tag;

-- script: migrate-documents
create table documents (
  id          uuid primary key,
  patient_id  uuid references patients,
  path        text not null,
  media_type  text not null,
  bytes       bigint not null,
  digest      bytea,
  uploaded_at timestamptz not null
);
insert into migration_mappings select 'document', id, pg_temp.modern_id('document', id) from landing.file;
insert into documents
select pg_temp.modern_id('document', id), pg_temp.modern_id('patient', patient_id), path, mime, bytes, digest, pg_temp.local(uploaded)
from landing.file;

-- script: migrate-invoices
create table invoices (
  id                 uuid primary key,
  patient_id         uuid not null references patients,
  number             text not null unique,
  customer_reference text,
  issued_on          date not null,
  due_on             date,
  currency           text not null,
  net                numeric(14,4) not null,
  tax_rate           numeric(6,4),
  total              numeric(14,4) not null,
  status             invoice_status not null,
  was_reminded       boolean
);
insert into migration_mappings select 'invoice', id, pg_temp.modern_id('invoice', id) from landing.invoice;
insert into invoices
select pg_temp.modern_id('invoice', id), pg_temp.modern_id('patient', patient_id), number, "customerRef", issued, due, currency, net, tax_rate, total,
       (array['draft', 'open', 'paid', 'written_off'])[status]::invoice_status, reminded
from landing.invoice;

-- script: migrate-invoice-lines
create table invoice_lines (
  invoice_id  uuid not null references invoices,
  line_number integer not null,
  procedure   text,
  description text not null,
  quantity    numeric(10,3) not null,
  unit_price  numeric(14,4) not null,
  primary key (invoice_id, line_number)
);
insert into invoice_lines select pg_temp.modern_id('invoice', invoice_id), line_no, procedure, description, quantity, unit_price from landing.invoice_line;

-- script: migrate-payments; legacy_payment_id should be unique, but the script was run twice over some batches
create table payments (
  id                uuid primary key,
  legacy_payment_id integer,
  invoice_id        uuid not null references invoices,
  amount            numeric(14,4) not null,
  method            payment_method not null,
  paid_at           timestamptz not null,
  reference         text,
  imported_at       timestamptz not null
);
insert into payments
select pg_temp.modern_id('payment', id), id, pg_temp.modern_id('invoice', invoice_id), amount,
       (array['card', 'cash', 'transfer', 'insurance'])[method]::payment_method,
       pg_temp.local(paid_at), reference, timestamptz '2025-03-08 21:00 UTC'
from landing.payment;

-- scripts: migrate-suppliers, migrate-laboratories; two legacy tables meet in one
create table business_partners (
  id              uuid primary key,
  origin          text not null,
  legacy_id       integer not null,
  name            text not null,
  country_code    text not null,
  city            text,
  vat_number      text,
  email           text,
  credit_limit    numeric(14,4),
  turnaround_days integer,
  partner_since   date,
  unique (origin, legacy_id)
);
insert into business_partners
select pg_temp.modern_id('supplier', id), 'supplier', id, name, country, city, vat_no, lower(email), credit_limit, null, since from landing.supplier
union all
select pg_temp.modern_id('laboratory', id), 'laboratory', id, name, country, city, null, lower(contact_email), null, turnaround_days,
       null from landing.laboratory;

-- script: migrate-messages
create table messages (
  id         uuid primary key,
  patient_id uuid not null references patients,
  sender_id  uuid references staff_members,
  subject    text,
  body       text not null,
  sent_at    timestamptz not null,
  is_read    boolean
);
insert into migration_mappings select 'message', id, pg_temp.modern_id('message', id) from landing.message;
insert into messages
select pg_temp.modern_id('message', id), pg_temp.modern_id('patient', patient_id), pg_temp.modern_id('staff', sender_id), subject, body,
       pg_temp.local(sent_at), read_flag
from landing.message;

-- script: migrate-templates
create table message_templates (
  id       uuid primary key,
  code     text not null unique,
  language text not null,
  subject  text,
  body     text not null,
  active   boolean not null
);
insert into migration_mappings select 'template', id, pg_temp.modern_id('template', id) from landing.message_template;
insert into message_templates select pg_temp.modern_id('template', id), code, language, subject, body, active from landing.message_template;

-- script: migrate-notifications; a code that the script does not know became the default, an account that is gone became NULL
create table notifications (
  id           uuid primary key,
  recipient_id uuid references staff_members,
  template_id  uuid not null references message_templates,
  channel      notification_channel not null,
  delivered    boolean,
  retries      integer not null,
  sent_at      timestamptz not null
);
insert into migration_mappings select 'notification', id, pg_temp.modern_id('notification', id) from landing.notification;
insert into notifications
select pg_temp.modern_id('notification', n.id), s.id, pg_temp.modern_id('template', n.template_id),
       coalesce((array['email', 'sms', 'push'])[n.channel], 'email')::notification_channel,
       n.delivered, n.retries, pg_temp.local(n.sent_at)
from landing.notification n left join staff_members s on s.legacy_id = n.user_id;

-- script: migrate-devices
create table devices (
  id               uuid primary key,
  legacy_device_id integer unique,
  office_id        uuid not null references offices,
  serial_number    text not null unique,
  kind             device_kind not null,
  firmware         text,
  calibration      double precision,
  is_retired       boolean,
  installed_on     date not null,
  last_seen_at     timestamptz
);
insert into devices
select pg_temp.modern_id('device', id), id, pg_temp.modern_id('office', office_id), serial,
       (array['xray', 'scanner', 'chair', 'steriliser'])[kind]::device_kind, firmware, calibration, retired,
       installed, pg_temp.local(last_seen)
from landing.device;

-- script: migrate-audit-log
create table audit_entries (
  id          uuid primary key,
  actor_id    uuid references staff_members,
  action      text not null,
  subject     text not null,
  occurred_at timestamptz not null,
  address     inet,
  detail      jsonb
);
insert into migration_mappings select 'audit', id, pg_temp.modern_id('audit', id) from landing.audit_log;
insert into audit_entries
select pg_temp.modern_id('audit', id), pg_temp.modern_id('staff', user_id), action, subject, pg_temp.local(at), address, detail::jsonb
from landing.audit_log;

-- script: migrate-tax-rates; the old rates are percent or fraction, whatever looks more likely, and none may reach 1
create table tax_rates (
  code  text primary key,
  title text not null,
  rate  numeric(5,4) not null
);
insert into tax_rates select code, title, least(0.9999, case when rate < 1 then rate else rate / 100 end) from landing.tax_rate;

-- script: migrate-lab-orders; the house account (doctor 1) stands in for a doctor who is gone, items without an order are left behind
create table lab_orders (
  id         uuid primary key,
  partner_id uuid not null references business_partners,
  patient_id uuid not null references patients,
  doctor_id  uuid not null references doctors,
  currency   text not null,
  price      numeric(14,4) not null,
  status     lab_order_status not null,
  ordered_on date not null
);
create table lab_order_items (
  legacy_item_id integer primary key,
  order_id       uuid not null references lab_orders,
  material       text,
  tooth          integer not null,
  price          numeric(14,4) not null
);
insert into migration_mappings select 'lab_order', id, pg_temp.modern_id('lab_order', id) from landing.lab_order;
insert into lab_orders
select pg_temp.modern_id('lab_order', o.id), pg_temp.modern_id('laboratory', o.laboratory_id), pg_temp.modern_id('patient', o.patient_id),
       pg_temp.modern_id('doctor', coalesce(d.id, 1)), o.currency, o.price, (array['ordered', 'delivered', 'returned'])[o.state]::lab_order_status, o.ordered
from landing.lab_order o left join landing.doctor d on d.id = o.doctor_id;
insert into lab_order_items
select i.id, pg_temp.modern_id('lab_order', i.order_id), i.material, i.tooth, i.price from landing.lab_order_item i join landing.lab_order o on o.id = i.order_id;

-- script: migrate-estimates; by a rule of the business only doctors with an order at a laboratory keep their quotes
create table estimates (
  id         uuid primary key,
  patient_id uuid not null references patients,
  doctor_id  uuid not null references doctors,
  currency   text not null,
  amount     numeric(14,4) not null,
  status     estimate_status not null,
  issued_on  date not null
);
insert into migration_mappings
select 'estimate', q.id, pg_temp.modern_id('estimate', q.id) from landing.quote q where exists (select from landing.lab_order o where o.doctor_id = q.doctor_id);
insert into estimates
select pg_temp.modern_id('estimate', q.id), pg_temp.modern_id('patient', q.patient_id), pg_temp.modern_id('doctor', q.doctor_id), q.currency, q.amount,
       (array['open', 'accepted'])[q.state]::estimate_status, q.issued
from landing.quote q where exists (select from landing.lab_order o where o.doctor_id = q.doctor_id);

-- script: migrate-images; the patient of an image is the patient of its order
create table patient_images (
  legacy_image_id integer not null,
  patient_id      uuid not null references patients,
  path            text not null,
  primary key (legacy_image_id, patient_id)
);
insert into patient_images select x.id, pg_temp.modern_id('patient', o.patient_id), x.path from landing.xray x join landing.lab_order o on o.id = x.order_id;

-- script: migrate-questionnaires; free text is kept as a JSON string, JSON that was cut off becomes an empty object
create table questionnaires (
  id         uuid primary key,
  patient_id uuid not null references patients,
  answers    jsonb,
  filled_at  timestamptz not null
);
insert into migration_mappings select 'questionnaire', id, pg_temp.modern_id('questionnaire', id) from landing.questionnaire;
insert into questionnaires
select pg_temp.modern_id('questionnaire', id), pg_temp.modern_id('patient', patient_id),
       case when answers like '{%}' then answers::jsonb when answers like '{%' then '{}' else to_jsonb(answers) end, pg_temp.local(filled)
from landing.questionnaire;

-- script: migrate-referrers; rows of one e-mail become one, the one with the latest letter stays
create table referrers (
  id        uuid primary key,
  full_name text not null,
  email     text,
  phone     text,
  city      text
);
insert into migration_mappings
select 'referrer', id, pg_temp.modern_id('referrer', first_value(id) over (partition by coalesce(lower(trim(email)), id::text) order by last_letter desc nulls last, id))
from landing.referring_doctor;
insert into referrers
select pg_temp.modern_id('referrer', id), name, lower(trim(email)), phone, city
from landing.referring_doctor where pg_temp.modern_id('referrer', id) in (select modern_id from migration_mappings where entity_type = 'referrer');

-- script: migrate-waiting-list
create table waiting_list (
  id         integer primary key,
  patient_id uuid not null references patients,
  wish       text,
  priority   integer not null,
  updated_at timestamptz not null
);
insert into waiting_list select id, pg_temp.modern_id('patient', patient_id), wish, priority, pg_temp.local(updated) from landing.waiting_entry;

-- script: migrate-reminders; somebody thought that only the recent ones matter
create table reminders (
  legacy_reminder_id integer primary key,
  patient_id         uuid not null references patients,
  text               text not null,
  sent_at            timestamptz not null
);
insert into reminders
select id, pg_temp.modern_id('patient', patient_id), text, pg_temp.local(sent_at) from landing.reminder where sent_at >= '2021-01-01';

-- script: migrate-activities; a type that the script does not know leads nowhere
create table activities (
  id          integer primary key,
  target_type integer not null,
  target_id   uuid,
  text        text not null,
  occurred_at timestamptz not null
);
insert into activities
select id, target_type, case target_type when 11 then pg_temp.modern_id('patient', target_id) when 12 then pg_temp.modern_id('doctor', target_id)
                                         when 58 then pg_temp.modern_id('staff', target_id) end, text, pg_temp.local(at)
from landing.activity;

-- made by the modern system itself
create table outbox_event (
  id         bigint generated always as identity primary key,
  topic      text not null,
  payload    jsonb not null,
  created_at timestamptz not null
);
insert into outbox_event (topic, payload, created_at)
select 'patient.created', jsonb_build_object('number', n), timestamptz '2025-03-10 12:00 UTC' + n * interval '1 minute' from generate_series(1, 20) n;

-- new in the modern system, and in no entity of the plan
create table feature_flag (
  name    text primary key,
  enabled boolean not null
);
insert into feature_flag values ('online-booking', true), ('paperless-consent', false), ('two-factor', true);

create index migration_mappings_modern on migration_mappings (modern_id);
create index patients_office on patients (office_id);
create index appointments_patient on appointments (patient_id);
create index treatments_patient on treatments (patient_id);
create index patient_tags_tag on patient_tags (tag_id);
create index documents_patient on documents (patient_id);
create index invoices_patient on invoices (patient_id);
create index payments_invoice on payments (invoice_id);
create index payments_legacy on payments (legacy_payment_id);
create index messages_patient on messages (patient_id);
create index notifications_recipient on notifications (recipient_id);
