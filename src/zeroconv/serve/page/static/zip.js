// A zip of files as they are, without compression: PNGs are compressed already.

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

// files [{name, bytes}] -> a Blob
export function zipped(files) {
  const parts = [], entries = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const title = new TextEncoder().encode(name);
    const about = [20, 0x800, 0, 0, 0x21, checksum(bytes), bytes.length, bytes.length, title.length];
    const local = record(0x04034b50, about, "222224442", [0]);
    const entry = record(0x02014b50, [20, ...about], "2222224442", [0, 0, 0, 0], offset);
    parts.push(local, title, bytes);
    entries.push(entry, title);
    offset += local.length + title.length + bytes.length;
  }
  const size = entries.reduce((sum, part) => sum + part.length, 0);
  return new Blob([...parts, ...entries, end(files.length, size, offset)], { type: "application/zip" });
}

// Little-endian numbers of 2 or 4 bytes, as `sizes` says, then 2-byte zeros; a central entry ends with its attributes and offset.
function record(signature, numbers, sizes, zeros, offset = null) {
  const bytes = [];
  const put = (value, count) => { for (let at = 0; at < count; at += 1) bytes.push((value / 2 ** (8 * at)) & 0xff); };
  put(signature, 4);
  numbers.forEach((value, at) => put(value, Number(sizes[at])));
  zeros.forEach((value) => put(value, 2));
  if (offset !== null) { put(0, 4); put(offset, 4); }
  return Uint8Array.from(bytes);
}

function end(count, size, offset) {
  const bytes = new DataView(new ArrayBuffer(22));
  bytes.setUint32(0, 0x06054b50, true);
  bytes.setUint16(8, count, true);
  bytes.setUint16(10, count, true);
  bytes.setUint32(12, size, true);
  bytes.setUint32(16, offset, true);
  return new Uint8Array(bytes.buffer);
}
