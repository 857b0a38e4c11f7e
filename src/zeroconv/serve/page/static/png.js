// The text chunks of a PNG, read here: the picture itself is not sent anywhere.

export async function pngText(file, key) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const view = new DataView(bytes.buffer);
  if (bytes.length < 8 || view.getUint32(0) !== 0x89504e47) throw new Error(`${file.name} is no PNG; a request is in PNGs made by zeroconv`);
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const kind = text(bytes.subarray(at + 4, at + 8), "latin1");
    const found = kind === "tEXt" ? plain(bytes.subarray(at + 8, at + 8 + length)) : kind === "iTXt" ? international(bytes.subarray(at + 8, at + 8 + length)) : null;
    if (found && found[0] === key) return found[1];
    at += 12 + length;
  }
  throw new Error(`${file.name} holds no request: it was not made by zeroconv`);
}

const text = (bytes, coding) => new TextDecoder(coding).decode(bytes);

function plain(chunk) {
  const end = chunk.indexOf(0);
  return [text(chunk.subarray(0, end), "latin1"), text(chunk.subarray(end + 1), "latin1")];
}

// Keyword, whether it is compressed, how, language, translated keyword, text; compressed ones are not read.
function international(chunk) {
  const end = chunk.indexOf(0);
  if (chunk[end + 1] !== 0) return null;
  const language = chunk.indexOf(0, end + 3);
  const translated = chunk.indexOf(0, language + 1);
  return [text(chunk.subarray(0, end), "latin1"), text(chunk.subarray(translated + 1), "utf-8")];
}
