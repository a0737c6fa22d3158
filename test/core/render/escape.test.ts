import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { escapeMarkdown, escapeMarkup, neutraliseFormula, safeFileName, visibleJson, visibleText } from '../../../src/core/render/escape.js'

/** Every code point, lone surrogates included; the half of them below 256, where most of what matters is. */
const anyText = fc.array(fc.oneof(fc.nat({ max: 0xff }), fc.nat({ max: 0x10_ffff })), { maxLength: 40 }).map((points) => String.fromCodePoint(...points))

describe('visibleText', () => {
  it('writes what cannot be seen as in a JSON string', () => {
    expect(visibleText('a\nb\tc\u001b[31m\u0000\\n')).toBe('a\\nb\\tc\\u001b[31m\\u0000\\\\n')
    expect(visibleText('\u202egnp.exe\u2066\ufeff\u200b\ud800')).toBe('\\u202egnp.exe\\u2066\\ufeff\\u200b\\ud800')
  })

  it('leaves letters of every script and emoji as they are', () => {
    expect(visibleText('Zoë 山田 שלום می\u200cخواهم 👩\u200d🔬')).toBe('Zoë 山田 שלום می\u200cخواهم 👩\u200d🔬')
  })

  test('is reversible, on one line and without control characters', () => {
    fc.assert(fc.property(anyText, (text) => {
      const shown = visibleText(text)
      expect(JSON.parse(`"${shown.replaceAll('"', '\\"')}"`)).toBe(text)
      // eslint-disable-next-line no-control-regex -- these are the characters that must be gone
      expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
      expect(shown).not.toMatch(/\p{Surrogate}/u)
    }))
  })
})

describe('visibleJson', () => {
  test('reads back as the same value, on one line and without control characters', () => {
    fc.assert(fc.property(anyText, anyText, (key, value) => {
      const json = visibleJson({ [key]: [value, 1] })
      expect(JSON.parse(json)).toEqual({ [key]: [value, 1] })
      expect(visibleText(json).replaceAll('\\\\', '\\')).toBe(json)
    }))
    expect(visibleJson({ a: '\u202eb\\c' })).toBe('{"a":"\\u202eb\\\\c"}')
  })
})

describe('escapeMarkup', () => {
  it('escapes what ends text or an attribute', () => {
    expect(escapeMarkup(`<script>alert("1" & '2')</script>`)).toBe('&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;')
  })

  test('leaves no markup and is reversible', () => {
    fc.assert(fc.property(anyText, (text) => {
      const escaped = escapeMarkup(text)
      expect(escaped).not.toMatch(/[<>"']/)
      expect(escaped.replace(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&')
    }))
  })
})

describe('escapeMarkdown', () => {
  it.each([
    ['a|b', 'a\\|b'],
    ['`code` *b* _i_ ~s~', '\\`code\\` \\*b\\* \\_i\\_ \\~s\\~'],
    ['<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
    ['[x](javascript:alert(1)) ![i](x)', '\\[x\\](javascript:alert(1)) \\!\\[i\\](x)'],
    ['see https://evil.example and www.evil.example', 'see https\\://evil.example and www\\.evil.example'],
    ['line\n# two', 'line\\\\n# two'],
    ['# heading', '\\# heading'],
    ['- item', '\\- item'],
    ['1. one', '1\\. one'],
    ['10) ten', '10\\) ten'],
    ['> quote &amp;', '&gt; quote &amp;amp;'],
    ['C:\\temp', 'C:\\\\\\\\temp'],
  ])('%j', (text, escaped) => {
    expect(escapeMarkdown(text)).toBe(escaped)
  })

  test('a cell never ends early', () => {
    fc.assert(fc.property(anyText, (text) => {
      const escaped = escapeMarkdown(text)
      expect(escaped.replace(/\\./gs, '')).not.toMatch(/[|`<>\n]/)
    }))
  })
})

describe('neutraliseFormula', () => {
  it.each([
    ['=cmd()', "'=cmd()"],
    ['+1', "'+1"],
    ['-1', '-1'],
    ['-1.50', '-1.50'],
    ['-1+1', "'-1+1"],
    ['-100.25', '-100.25'],
    ['=-1', "'=-1"],
    ['@-1', "'@-1"],
    ['-1e3', "'-1e3"],
    ['- 1', "'- 1"],
    ['\r=1', '\\r=1'],
    ['@sum(a1)', "'@sum(a1)"],
    ['  =1+1', "'  =1+1"],
    ['\uff1dcmd()', "'\uff1dcmd()"],
    ['\t=1', '\\t=1'],
    ['plain = text', 'plain = text'],
    ['', ''],
  ])('%j', (text, cell) => {
    expect(neutraliseFormula(text)).toBe(cell)
  })
})

describe('safeFileName', () => {
  it.each([
    ['migration-coverage-Kliník "x"\r\nset-cookie: a', 'migration-coverage-Klini-k-x-set-cookie-a'],
    ['../../etc/passwd', 'etc-passwd'],
    ['山田', 'file'],
    ['a..b.c', 'a.b.c'],
    ['--a--.', 'a'],
    ['a'.repeat(300), 'a'.repeat(100)],
  ])('%j', (text, name) => {
    expect(safeFileName(text)).toBe(name)
  })

  test('holds only safe characters', () => {
    fc.assert(fc.property(anyText, (text) => {
      expect(safeFileName(text)).toMatch(/^[A-Za-z0-9][A-Za-z0-9.-]*$/)
    }))
  })
})
