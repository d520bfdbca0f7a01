/**
 * Where the garages of the rehearsal are: the seat of each department of metropolitan France.
 *
 * Shape:  `code` is INSEE's; the department is its first two characters. `garages` is how many of
 *         the network are there: more in the largest cities.
 * Units:  degrees, to a hundredth (about one kilometre), enough for "near".
 * Source: INSEE, official geographic code (codes, names).
 */
export type Commune = {
  readonly code: string;
  readonly name: string;
  readonly department: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly garages: number;
};

const TABLE = `
  01053;Bourg-en-Bresse;46.21;5.23;3|02408;Laon;49.56;3.62;3|
  03190;Moulins;46.57;3.33;3|04070;Digne-les-Bains;44.09;6.24;3|
  05061;Gap;44.56;6.08;3|06088;Nice;43.70;7.27;6|
  07186;Privas;44.74;4.60;3|08105;Charleville-Mézières;49.77;4.72;3|
  09122;Foix;42.96;1.61;3|10387;Troyes;48.30;4.08;3|
  11069;Carcassonne;43.21;2.35;3|12202;Rodez;44.35;2.57;3|
  13055;Marseille;43.30;5.37;8|14118;Caen;49.18;-0.37;3|
  15014;Aurillac;44.93;2.44;3|16015;Angoulême;45.65;0.16;3|
  17300;La Rochelle;46.16;-1.15;3|18033;Bourges;47.08;2.40;3|
  19272;Tulle;45.27;1.77;3|2A004;Ajaccio;41.92;8.74;3|
  2B033;Bastia;42.70;9.45;3|21231;Dijon;47.32;5.04;3|
  22278;Saint-Brieuc;48.51;-2.76;3|23096;Guéret;46.17;1.87;3|
  24322;Périgueux;45.18;0.72;3|25056;Besançon;47.24;6.02;3|
  26362;Valence;44.93;4.89;3|27229;Évreux;49.02;1.15;3|
  28085;Chartres;48.45;1.48;3|29232;Quimper;48.00;-4.10;3|
  30189;Nîmes;43.84;4.36;3|31555;Toulouse;43.60;1.44;7|
  32013;Auch;43.65;0.59;3|33063;Bordeaux;44.84;-0.58;5|
  34172;Montpellier;43.61;3.88;5|35238;Rennes;48.11;-1.68;5|
  36044;Châteauroux;46.81;1.69;3|37261;Tours;47.39;0.69;3|
  38185;Grenoble;45.19;5.72;3|39300;Lons-le-Saunier;46.67;5.56;3|
  40192;Mont-de-Marsan;43.89;-0.50;3|41018;Blois;47.59;1.33;3|
  42218;Saint-Étienne;45.44;4.39;3|43157;Le Puy-en-Velay;45.04;3.88;3|
  44109;Nantes;47.22;-1.55;6|45234;Orléans;47.90;1.91;3|
  46042;Cahors;44.45;1.44;3|47001;Agen;44.20;0.62;3|
  48095;Mende;44.52;3.50;3|49007;Angers;47.47;-0.55;3|
  50502;Saint-Lô;49.12;-1.09;3|51108;Châlons-en-Champagne;48.96;4.36;3|
  52121;Chaumont;48.11;5.14;3|53130;Laval;48.07;-0.77;3|
  54395;Nancy;48.69;6.18;3|55029;Bar-le-Duc;48.77;5.16;3|
  56260;Vannes;47.66;-2.76;3|57463;Metz;49.12;6.18;3|
  58194;Nevers;46.99;3.16;3|59350;Lille;50.63;3.06;5|
  60057;Beauvais;49.43;2.08;3|61001;Alençon;48.43;0.09;3|
  62041;Arras;50.29;2.78;3|63113;Clermont-Ferrand;45.78;3.08;3|
  64445;Pau;43.30;-0.37;3|65440;Tarbes;43.23;0.08;3|
  66136;Perpignan;42.70;2.90;3|67482;Strasbourg;48.58;7.75;5|
  68066;Colmar;48.08;7.36;3|69123;Lyon;45.76;4.84;8|
  70550;Vesoul;47.62;6.16;3|71270;Mâcon;46.31;4.83;3|
  72181;Le Mans;48.00;0.20;3|73065;Chambéry;45.57;5.92;3|
  74010;Annecy;45.90;6.13;3|75056;Paris;48.86;2.35;12|
  76540;Rouen;49.44;1.10;3|77288;Melun;48.54;2.66;3|
  78646;Versailles;48.80;2.13;3|79191;Niort;46.32;-0.46;3|
  80021;Amiens;49.89;2.30;3|81004;Albi;43.93;2.15;3|
  82121;Montauban;44.02;1.35;3|83137;Toulon;43.12;5.93;3|
  84007;Avignon;43.95;4.81;3|85191;La Roche-sur-Yon;46.67;-1.43;3|
  86194;Poitiers;46.58;0.34;3|87085;Limoges;45.83;1.26;3|
  88160;Épinal;48.17;6.45;3|89024;Auxerre;47.80;3.57;3|
  90010;Belfort;47.64;6.86;3|91228;Évry-Courcouronnes;48.63;2.44;3|
  92050;Nanterre;48.89;2.21;3|93008;Bobigny;48.91;2.44;3|
  94028;Créteil;48.79;2.46;3|95127;Cergy;49.04;2.08;3
`;

export const COMMUNES: readonly Commune[] = TABLE.split("|").map((row) => {
  const [code = "", name = "", latitude, longitude, garages] = row.trim().split(";");
  const [department, ...at] = [code.slice(0, 2), Number(latitude), Number(longitude)] as const;
  return { code, name, department, latitude: at[0], longitude: at[1], garages: Number(garages) };
});

const EARTH_RADIUS_KM = 6_371;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Great circle, by the haversine formula. */
export const distanceKm = (a: Commune, b: Commune): number => {
  const half = (from: number, to: number): number => Math.sin(radians(to - from) / 2) ** 2;
  const h =
    half(a.latitude, b.latitude) +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * half(a.longitude, b.longitude);
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(h));
};
