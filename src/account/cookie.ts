/**
 * The session cookie, by how the page is served.
 *
 * Shape:  over TLS it is `__Host-novaevo`, Secure. On plain HTTP, which is served on loopback only,
 *         it is `novaevo-session-<port>` without Secure: Chromium and Firefox would take a Secure
 *         or `__Host-` cookie from http://127.0.0.1, Safari drops it, and one could not sign in.
 *         The port is in the name because cookies are not kept apart by port, and two installations
 *         on one machine would sign each other out. Always HttpOnly, SameSite=Strict, for the whole
 *         host and for no other.
 * Source: draft-ietf-httpbis-rfc6265bis §4.1.3 (prefixes) and §5.7 ("secure" is the browser's to
 *         define); httpwg/http-extensions#2605; WebKit bug 281149.
 */
export type CookieTransport = { readonly tls: boolean; readonly port: number };

export type SessionCookie = {
  readonly name: string;
  readonly options: {
    readonly path: "/";
    readonly httpOnly: true;
    readonly sameSite: "strict";
    readonly secure: boolean;
  };
};

export const sessionCookie = ({ tls, port }: CookieTransport): SessionCookie => ({
  name: tls ? "__Host-novaevo" : `novaevo-session-${port}`,
  options: { path: "/", httpOnly: true, sameSite: "strict", secure: tls },
});
