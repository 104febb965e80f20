// Military Grid Reference System (DMA TM 8358.1, chapter 3): 100 km squares as Sentinel-2 tiles are named, 33TTE, or
// finer references, 33T TE 12345 67890.

const BANDS = "CDEFGHJKLMNPQRSTUVWX"; // latitude bands of 8 degrees from -80
const COLUMNS = ["STUVWXYZ", "ABCDEFGH", "JKLMNPQR"]; // by zone modulo 3
const ROWS = "ABCDEFGHJKLMNPQRSTUV"; // repeat every 2000 km
const SHAPE = /^(\d{1,2})([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])(\d{0,10})$/;

/** Centre in degrees and side in metres, `{lon, lat, size}`; null if the text is not an MGRS reference. */
export function parseMgrs(text) {
  const found = SHAPE.exec(text.toUpperCase().replace(/\s+/g, ""));
  if (!found || found[5].length % 2) return null;
  const [, zoneText, band, columnLetter, rowLetter, digits] = found;
  const zone = Number(zoneText);
  const column = COLUMNS[zone % 3].indexOf(columnLetter);
  if (zone < 1 || zone > 60 || column < 0) return null;
  const half = digits.length / 2;
  const size = 10 ** (5 - half);
  const east = (column + 1) * 100_000 + Number(digits.slice(0, half)) * size + size / 2;
  const row = (ROWS.indexOf(rowLetter) + (zone % 2 ? 0 : 15)) % 20; // even zones start five letters later
  const south = BANDS.indexOf(band) * 8 - 80;
  for (let round = 0; round < 5; round++) {
    const north = row * 100_000 + round * 2_000_000 + Number(digits.slice(half)) * size + size / 2;
    const [lon, lat] = fromUtm(zone, east, band < "N" ? north - 10_000_000 : north);
    // A square may extend slightly beyond its latitude band.
    if (lat > south - 1 && lat < south + (band === "X" ? 12 : 8) + 1) return { lon, lat, size };
  }
  return null;
}

/**
 * `[lon, lat]` in degrees (WGS 84) of UTM coordinates in metres, negative `north` in the southern hemisphere. Krüger's
 * series to the third order, exact to millimetres (Karney 2011, doi:10.1007/s00190-011-0445-3).
 */
export function fromUtm(zone, east, north) {
  const flattening = 1 / 298.257223563;
  const n = flattening / (2 - flattening);
  const radius = (6_378_137 / (1 + n)) * (1 + n ** 2 / 4 + n ** 4 / 64);
  const xi = north / (0.9996 * radius);
  const eta = (east - 500_000) / (0.9996 * radius);
  const beta = [n / 2 - (2 / 3) * n ** 2 + (37 / 96) * n ** 3, n ** 2 / 48 + n ** 3 / 15, (17 / 480) * n ** 3];
  let [xi1, eta1] = [xi, eta];
  beta.forEach((factor, index) => {
    const j = 2 * (index + 1);
    xi1 -= factor * Math.sin(j * xi) * Math.cosh(j * eta);
    eta1 -= factor * Math.cos(j * xi) * Math.sinh(j * eta);
  });
  const chi = Math.asin(Math.sin(xi1) / Math.cosh(eta1));
  const delta = [2 * n - (2 / 3) * n ** 2 - 2 * n ** 3, (7 / 3) * n ** 2 - (8 / 5) * n ** 3, (56 / 15) * n ** 3];
  const lat = delta.reduce((sum, factor, index) => sum + factor * Math.sin(2 * (index + 1) * chi), chi);
  const lon = Math.atan2(Math.sinh(eta1), Math.cos(xi1));
  return [zone * 6 - 183 + (lon * 180) / Math.PI, (lat * 180) / Math.PI];
}
