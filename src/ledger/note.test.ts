import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { newSigningKey, sha256, signerOf, verifierOf } from "./adapters/node-crypto.ts";
import {
  formatVerifierKey,
  MAX_NOTE_LENGTH,
  namedKey,
  openCheckpoint,
  parseVerifierKey,
  signCheckpoint,
} from "./note.ts";

const signer = signerOf(newSigningKey(), () => "novaevo/ledger/test");
const verifier = verifierOf(signer.key);
const root = new Uint8Array(32).fill(7);
const checkpoint = { origin: "novaevo/ledger/test", size: 20_852_163, root };
const note = signCheckpoint(signer, checkpoint);

describe("the published example of C2SP signed notes", () => {
  const VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
  const TEXT = "This is an example message.\n";
  const SIGNATURE =
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=";

  test("its key has the id it is published with", () => {
    const key = parseVerifierKey(sha256, VKEY);
    expect(key.ok && formatVerifierKey(key.value)).toBe(VKEY);
  });

  test("its signature is genuine, over the text with its last newline", () => {
    const key = parseVerifierKey(sha256, VKEY);
    if (!key.ok) throw new Error(key.error);
    const signature = Buffer.from(SIGNATURE, "base64").subarray(4);
    expect(verifierOf(key.value).verify(Buffer.from(TEXT), signature)).toBe(true);
    // The note is well signed but is no checkpoint: the text is looked at only after that.
    const opened = openCheckpoint(
      [verifierOf(key.value)],
      `${TEXT}\n— example.com/foo ${SIGNATURE}\n`,
    );
    expect(opened).toEqual({ ok: false, error: "has no origin" });
  });
});

describe("a checkpoint", () => {
  test("is the three lines of c2sp.org/tlog-checkpoint and opens again", () => {
    expect(note.split("\n").slice(0, 4)).toEqual([
      "novaevo/ledger/test",
      "20852163",
      "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
      "",
    ]);
    expect(openCheckpoint([verifier], note)).toEqual({ ok: true, value: checkpoint });
  });

  test("a witness's signature beside ours does no harm, before or after it", () => {
    const witness = signerOf(newSigningKey(), () => "witness.example/w1");
    const line = signCheckpoint(witness, checkpoint).split("\n").at(-2) ?? "";
    expect(openCheckpoint([verifier], `${note}${line}\n`).ok).toBe(true);
    const [text, ours] = note.split("\n\n");
    expect(openCheckpoint([verifier], `${text}\n\n${line}\n${ours}`).ok).toBe(true);
  });

  test.each([
    { title: "another size", forged: note.replace("20852163", "20852164"), why: /not genuine/ },
    { title: "no signature", forged: note.split("\n\n")[0] ?? "", why: /not a signed note/ },
    { title: "a cut end", forged: note.slice(0, -1), why: /not a signed note/ },
    { title: "a broken line", forged: note.replace("— ", "- "), why: /malformed/ },
    { title: "too much text", forged: note + " ".repeat(MAX_NOTE_LENGTH), why: /longer than/ },
    { title: "too many signatures", forged: note + "— a AAAAAAAA\n".repeat(101), why: /more than/ },
  ])("with $title is refused", ({ forged, why }) => {
    const opened = openCheckpoint([verifier], forged);
    expect(opened.ok ? "accepted" : opened.error).toMatch(why);
  });

  test("by an impostor who uses our name is refused", () => {
    const impostor = signerOf(newSigningKey(), () => signer.key.name);
    const opened = openCheckpoint([verifier], signCheckpoint(impostor, checkpoint));
    expect(opened).toEqual({ ok: false, error: "is not signed by the ledger's key" });
  });

  test.each([
    { title: "a negative size", size: -1 },
    { title: "a fraction", size: 1.5 },
    { title: "a size that is no longer exact", size: 2 ** 53 },
  ])("signed over $title is refused", ({ size }) => {
    const opened = openCheckpoint([verifier], signCheckpoint(signer, { ...checkpoint, size }));
    expect(opened).toEqual({ ok: false, error: "has no size" });
  });

  test("with a root of another length is refused", () => {
    const short = signCheckpoint(signer, { ...checkpoint, root: root.slice(1) });
    expect(openCheckpoint([verifier], short)).toEqual({
      ok: false,
      error: "has no root of 32 bytes",
    });
  });

  test("law: no change of one character goes unseen", () => {
    fc.assert(
      fc.property(
        fc.nat(note.length - 1),
        fc.constantFrom("A", "1", "\n", "=", "z"),
        (at, char) => {
          const forged = note.slice(0, at) + char + note.slice(at + 1);
          if (forged === note) return;
          expect(openCheckpoint([verifier], forged).ok).toBe(false);
        },
      ),
    );
  });

  test("law: arbitrary text is refused without a throw", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(openCheckpoint([verifier], text).ok).toBe(false);
      }),
    );
  });
});

test.each([
  { title: "nonsense", text: "nonsense", why: /form/ },
  { title: "another algorithm", text: "a+00000000+AgID", why: /not an Ed25519/ },
  {
    title: "an id that is not its own",
    text: "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    why: /does not belong/,
  },
])("a public key that is $title is refused", ({ text, why }) => {
  const key = parseVerifierKey(sha256, text);
  expect(key.ok ? "accepted" : key.error).toMatch(why);
});

test("a name with a space or a plus sign cannot name a key", () => {
  expect(() => namedKey(sha256, "a b", root)).toThrow(/no spaces/);
  expect(() => namedKey(sha256, "a+b", root)).toThrow(/no plus/);
});
