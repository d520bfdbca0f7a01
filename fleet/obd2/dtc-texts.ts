/**
 * What common standard codes mean, in French and English. A code that is not here has no text: what
 * a maker's own code means is for the maker to say.
 *
 * Source: the meanings of SAE J2012 / ISO 15031-6, in our own words.
 */
export type Text = { readonly fr: string; readonly en: string };

const TEXTS: Readonly<Record<string, readonly [fr: string, en: string]>> = {
  P0010: [
    "Commande d’arbre à cames d’admission A, rangée 1 : circuit",
    "Intake camshaft A actuator, bank 1: circuit",
  ],
  P0011: ["Calage d’admission trop avancé, rangée 1", "Intake camshaft too far advanced, bank 1"],
  P0016: [
    "Vilebrequin et arbre à cames mal accordés, rangée 1 A",
    "Crankshaft and camshaft out of step, bank 1 A",
  ],
  P0030: [
    "Chauffage de la sonde lambda 1, rangée 1 : circuit",
    "Heater of oxygen sensor 1, bank 1: circuit",
  ],
  P0036: [
    "Chauffage de la sonde lambda 2, rangée 1 : circuit",
    "Heater of oxygen sensor 2, bank 1: circuit",
  ],
  P0087: ["Pression de carburant dans la rampe trop basse", "Fuel rail pressure too low"],
  P0088: ["Pression de carburant dans la rampe trop haute", "Fuel rail pressure too high"],
  P0100: ["Débitmètre d’air : circuit", "Air flow meter: circuit"],
  P0101: ["Débitmètre d’air : mesure peu plausible", "Air flow meter: implausible reading"],
  P0102: ["Débitmètre d’air : signal trop bas", "Air flow meter: signal too low"],
  P0103: ["Débitmètre d’air : signal trop haut", "Air flow meter: signal too high"],
  P0105: ["Capteur de pression d’admission : circuit", "Intake pressure sensor: circuit"],
  P0106: [
    "Capteur de pression d’admission : mesure peu plausible",
    "Intake pressure sensor: implausible reading",
  ],
  P0107: [
    "Capteur de pression d’admission : signal trop bas",
    "Intake pressure sensor: signal too low",
  ],
  P0108: [
    "Capteur de pression d’admission : signal trop haut",
    "Intake pressure sensor: signal too high",
  ],
  P0110: ["Température d’air d’admission : circuit", "Intake air temperature: circuit"],
  P0112: [
    "Température d’air d’admission : signal trop bas",
    "Intake air temperature: signal too low",
  ],
  P0113: [
    "Température d’air d’admission : signal trop haut",
    "Intake air temperature: signal too high",
  ],
  P0115: ["Température du liquide de refroidissement : circuit", "Coolant temperature: circuit"],
  P0116: [
    "Température du liquide de refroidissement : peu plausible",
    "Coolant temperature: implausible reading",
  ],
  P0117: [
    "Température du liquide de refroidissement : signal trop bas",
    "Coolant temperature: signal too low",
  ],
  P0118: [
    "Température du liquide de refroidissement : signal trop haut",
    "Coolant temperature: signal too high",
  ],
  P0120: ["Capteur de papillon ou de pédale A : circuit", "Throttle or pedal sensor A: circuit"],
  P0121: [
    "Capteur de papillon ou de pédale A : peu plausible",
    "Throttle or pedal sensor A: implausible reading",
  ],
  P0122: [
    "Capteur de papillon ou de pédale A : signal trop bas",
    "Throttle or pedal sensor A: signal too low",
  ],
  P0123: [
    "Capteur de papillon ou de pédale A : signal trop haut",
    "Throttle or pedal sensor A: signal too high",
  ],
  P0125: ["Moteur trop froid pour la régulation du mélange", "Engine too cold for mixture control"],
  P0128: [
    "Thermostat : le moteur n’atteint pas sa température",
    "Thermostat: engine does not reach its temperature",
  ],
  P0130: ["Sonde lambda 1, rangée 1 : circuit", "Oxygen sensor 1, bank 1: circuit"],
  P0131: [
    "Sonde lambda 1, rangée 1 : tension trop basse",
    "Oxygen sensor 1, bank 1: voltage too low",
  ],
  P0132: [
    "Sonde lambda 1, rangée 1 : tension trop haute",
    "Oxygen sensor 1, bank 1: voltage too high",
  ],
  P0133: ["Sonde lambda 1, rangée 1 : réponse lente", "Oxygen sensor 1, bank 1: slow response"],
  P0134: ["Sonde lambda 1, rangée 1 : sans activité", "Oxygen sensor 1, bank 1: no activity"],
  P0135: [
    "Sonde lambda 1, rangée 1 : chauffage en défaut",
    "Oxygen sensor 1, bank 1: heater fault",
  ],
  P0136: ["Sonde lambda 2, rangée 1 : circuit", "Oxygen sensor 2, bank 1: circuit"],
  P0141: [
    "Sonde lambda 2, rangée 1 : chauffage en défaut",
    "Oxygen sensor 2, bank 1: heater fault",
  ],
  P0171: ["Mélange trop pauvre, rangée 1", "Mixture too lean, bank 1"],
  P0172: ["Mélange trop riche, rangée 1", "Mixture too rich, bank 1"],
  P0174: ["Mélange trop pauvre, rangée 2", "Mixture too lean, bank 2"],
  P0175: ["Mélange trop riche, rangée 2", "Mixture too rich, bank 2"],
  P0191: [
    "Capteur de pression de rampe : peu plausible",
    "Fuel rail pressure sensor: implausible reading",
  ],
  P0201: ["Injecteur du cylindre 1 : circuit", "Injector of cylinder 1: circuit"],
  P0202: ["Injecteur du cylindre 2 : circuit", "Injector of cylinder 2: circuit"],
  P0203: ["Injecteur du cylindre 3 : circuit", "Injector of cylinder 3: circuit"],
  P0204: ["Injecteur du cylindre 4 : circuit", "Injector of cylinder 4: circuit"],
  P0217: ["Moteur en surchauffe", "Engine overheated"],
  P0234: ["Suralimentation trop forte", "Too much boost"],
  P0299: ["Suralimentation trop faible", "Too little boost"],
  P0300: ["Ratés d’allumage sur plusieurs cylindres", "Misfires on several cylinders"],
  P0301: ["Ratés d’allumage du cylindre 1", "Misfires of cylinder 1"],
  P0302: ["Ratés d’allumage du cylindre 2", "Misfires of cylinder 2"],
  P0303: ["Ratés d’allumage du cylindre 3", "Misfires of cylinder 3"],
  P0304: ["Ratés d’allumage du cylindre 4", "Misfires of cylinder 4"],
  P0325: ["Capteur de cliquetis 1 : circuit", "Knock sensor 1: circuit"],
  P0335: ["Capteur de vilebrequin A : circuit", "Crankshaft sensor A: circuit"],
  P0340: ["Capteur d’arbre à cames A, rangée 1 : circuit", "Camshaft sensor A, bank 1: circuit"],
  P0351: ["Bobine d’allumage A : circuit", "Ignition coil A: circuit"],
  P0380: ["Bougies de préchauffage A : circuit", "Glow plugs A: circuit"],
  P0400: ["Recyclage des gaz : débit en défaut", "Exhaust gas recirculation: flow fault"],
  P0401: ["Recyclage des gaz : débit insuffisant", "Exhaust gas recirculation: too little flow"],
  P0402: ["Recyclage des gaz : débit excessif", "Exhaust gas recirculation: too much flow"],
  P0403: ["Recyclage des gaz : circuit de commande", "Exhaust gas recirculation: control circuit"],
  P0420: ["Catalyseur peu efficace, rangée 1", "Catalyst below its efficiency, bank 1"],
  P0430: ["Catalyseur peu efficace, rangée 2", "Catalyst below its efficiency, bank 2"],
  P0440: ["Vapeurs de carburant : système en défaut", "Fuel vapours: system fault"],
  P0442: ["Vapeurs de carburant : petite fuite", "Fuel vapours: small leak"],
  P0455: ["Vapeurs de carburant : grande fuite", "Fuel vapours: large leak"],
  P0460: ["Jauge de carburant : circuit", "Fuel level sensor: circuit"],
  P0470: ["Capteur de pression d’échappement : circuit", "Exhaust pressure sensor: circuit"],
  P0480: ["Ventilateur 1 : circuit de commande", "Cooling fan 1: control circuit"],
  P0500: ["Capteur de vitesse du véhicule A", "Vehicle speed sensor A"],
  P0505: ["Régulation du ralenti", "Idle control"],
  P0506: ["Ralenti trop bas", "Idle speed too low"],
  P0507: ["Ralenti trop haut", "Idle speed too high"],
  P0560: ["Tension du réseau de bord", "System voltage"],
  P0562: ["Tension du réseau de bord trop basse", "System voltage too low"],
  P0563: ["Tension du réseau de bord trop haute", "System voltage too high"],
  P0600: ["Liaison série du calculateur", "Serial link of the control module"],
  P0601: ["Mémoire du calculateur : somme de contrôle", "Control module memory: checksum"],
  P0606: ["Calculateur moteur : processeur", "Engine control module: processor"],
  P0700: [
    "Boîte de vitesses : défaut signalé par son calculateur",
    "Transmission: its control module reports a fault",
  ],
  P0715: [
    "Capteur de vitesse d’entrée de boîte : circuit",
    "Transmission input speed sensor: circuit",
  ],
  P2002: [
    "Filtre à particules peu efficace, rangée 1",
    "Particulate filter below its efficiency, bank 1",
  ],
  P2096: [
    "Correction après catalyseur trop pauvre, rangée 1",
    "Trim after the catalyst too lean, bank 1",
  ],
  P2135: ["Capteurs de papillon A et B en désaccord", "Throttle sensors A and B disagree"],
  P2263: ["Suralimentation : performance du turbocompresseur", "Turbocharger boost performance"],
  P242F: ["Filtre à particules : cendres au maximum", "Particulate filter: full of ash"],
  P2463: ["Filtre à particules : trop de suie", "Particulate filter: too much soot"],
  C0035: ["Capteur de vitesse de roue avant gauche", "Wheel speed sensor, front left"],
  C0040: ["Capteur de vitesse de roue avant droite", "Wheel speed sensor, front right"],
  C0045: ["Capteur de vitesse de roue arrière gauche", "Wheel speed sensor, rear left"],
  C0050: ["Capteur de vitesse de roue arrière droite", "Wheel speed sensor, rear right"],
  B0001: ["Airbag du conducteur, étage 1", "Driver’s airbag, stage 1"],
  U0001: ["Bus CAN rapide en défaut", "High-speed CAN bus fault"],
  U0073: ["Bus de communication A coupé", "Communication bus A off"],
  U0100: [
    "Plus de communication avec le calculateur moteur A",
    "No communication with engine control module A",
  ],
  U0101: [
    "Plus de communication avec le calculateur de boîte",
    "No communication with the transmission module",
  ],
  U0121: ["Plus de communication avec le calculateur ABS", "No communication with the ABS module"],
  U0140: [
    "Plus de communication avec le calculateur de carrosserie",
    "No communication with the body module",
  ],
};

export const textOfDtc = (code: string): Text | null => {
  const found = Object.hasOwn(TEXTS, code) ? TEXTS[code] : undefined;
  return found === undefined ? null : { fr: found[0], en: found[1] };
};
