// The NumPy array format (NEP 1) of little-endian float32.

/**
 * `{shape, values}` of a `.npy` file, `values` a Float32Array in C order, NaN where invalid. Throws for other dtypes.
 */
export function readNpy(buffer) {
  const view = new DataView(buffer);
  if (view.getUint32(0) !== 0x934e554d) throw new Error("not a .npy file");
  const long = view.getUint8(6) >= 2;
  const size = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = long ? 12 : 10;
  const header = new TextDecoder("latin1").decode(new Uint8Array(buffer, start, size));
  if (!/'descr': *'<f4'/.test(header) || /'fortran_order': *True/.test(header)) throw new Error("not float32");
  const shape = /'shape': *\(([^)]*)\)/
    .exec(header)[1]
    .split(",")
    .filter((part) => part.trim())
    .map(Number);
  return { shape, values: new Float32Array(buffer.slice(start + size)) };
}
