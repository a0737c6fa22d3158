import { createHash } from 'node:crypto'

/**
 * sha256 of a script's text in hexadecimal, blind to what an editor or a checkout changes by itself: line ends, a byte order
 * mark, blanks at the end of lines, empty lines at the end. The SQL function `migration_coverage.script_checksum` is its twin.
 */
export function scriptChecksum(text: string): string {
  return createHash('sha256').update(normalised(text)).digest('hex')
}

function normalised(text: string): string {
  return text.replace(/^\ufeff+/, '').replace(/\r\n?/g, '\n').replace(/[ \t]+(?=\n|$)/g, '').replace(/\n+$/, '')
}

/**
 * Whether a reported checksum is one of this file: ours, or the sha256 of its bytes as they are.
 * @returns null when it cannot be told, since the checksum is of another kind
 */
export function isChecksumOf(reported: string, file: { checksum: string; bytesChecksum: string }): boolean | null {
  const wanted = reported.toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(wanted)) return null
  return wanted === file.checksum || wanted === file.bytesChecksum
}
