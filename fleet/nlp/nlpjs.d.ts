/** The part of @nlpjs/lang-fr that is used; the package has no types of its own. */
declare module "@nlpjs/lang-fr" {
  /** Snowball's French stemmer, on words without accents. */
  export class StemmerFr {
    stemWord(word: string): string;
  }
}
