/**
 * Where people live: the departments of France with their inhabitants, and which of the platform's
 * two regions is nearer.
 *
 * Units:  thousands of inhabitants.
 * Source: INSEE, legal populations, rounded; the southern half is what lies nearer to Lyon.
 */
export type Department = {
  readonly code: string;
  readonly thousands: number;
  readonly isSouthern: boolean;
};

const TABLE = `
  01:663 02:525 03:335 04:166 05:141 06:1104 07:332 08:269 09:155 10:311 11:377 12:280 13:2057
  14:700 15:144 16:352 17:664 18:299 19:239 2A:163 2B:185 21:535 22:606 23:115 24:413 25:548 26:522
  27:599 28:431 29:921 30:757 31:1435 32:192 33:1654 34:1201 35:1098 36:217 37:613 38:1284 39:258
  40:422 41:329 42:768 43:228 44:1457 45:684 46:175 47:330 48:77 49:823 50:495 51:564 52:170 53:306
  54:731 55:181 56:769 57:1049 58:203 59:2607 60:830 61:277 62:1461 63:663 64:693 65:230 66:488
  67:1153 68:767 69:1893 70:234 71:549 72:566 73:439 74:842 75:2133 76:1256 77:1438 78:1457 79:375
  80:567 81:393 82:263 83:1095 84:563 85:695 86:439 87:372 88:361 89:333 90:140 91:1313 92:1635
  93:1669 94:1416 95:1257 971:384 972:361 973:288 974:874 976:300`;

const SOUTHERN = new Set(
  (
    "01 03 04 05 06 07 09 11 12 13 15 19 23 24 26 2A 2B 30 31 32 33 34 38 39 40 42 43 46 47 48 " +
    "63 64 65 66 69 71 73 74 81 82 83 84 87 21 25 70 90 974 976"
  ).split(" "),
);

export const DEPARTMENTS: readonly Department[] = TABLE.trim()
  .split(/\s+/)
  .map((entry) => {
    const [code = "", thousands = "0"] = entry.split(":");
    return { code, thousands: Number(thousands), isSouthern: SOUTHERN.has(code) };
  });
