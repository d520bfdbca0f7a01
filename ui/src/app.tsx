/**
 * The app: sign-in, then the shell with its pages.
 *
 * The shell does not wait for the API: it appears at once, each part filling by itself. Only the
 * session is given a moment, so that a signed-out reader does not see an empty page flash.
 */
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import type { Principal } from "../../src/contract/session.ts";
import { createApi, type Api } from "./api/client.ts";
import { keepConnected } from "./live/connect.ts";
import { ApiContext, LiveContext, useLink } from "./live/context.tsx";
import { startLive, type Live } from "./live/live.ts";
import { RehearsalProvider } from "./live/rehearsal.tsx";
import { shareStream, type ShareDeps } from "./live/share.ts";
import { useWords } from "./locales/words.tsx";
import { Ops } from "./pages/ops.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { safeNext } from "./session/code.ts";
import { SessionContext, useSession, type Session } from "./session/session.tsx";
import { Announcer } from "./shell/announcer.tsx";
import { Header } from "./shell/header.tsx";
import { useKeys } from "./shell/keys.ts";
import { useGoTo, withLang } from "./shell/place.ts";
import { Ribbon } from "./shell/ribbon.tsx";

const Go = lazy(() => import("./pages/go.tsx"));
const Service = lazy(() => import("./pages/service.tsx"));
const Explore = lazy(() => import("./pages/explore.tsx"));
const Help = lazy(() => import("./shell/help.tsx").then(({ Help }) => ({ default: Help })));

/** How long the session may take before the shell shows without it. */
const SESSION_GRACE_MS = 250;

export const App = ({ code }: { readonly code: string | undefined }) => {
  const [state, setState] = useState<Pick<Session, "state" | "principal">>({
    state: code === undefined ? "asking" : "out",
    principal: undefined,
  });
  const [unused, setUnused] = useState(code);
  const [patience, setPatience] = useState(true);
  const [place] = useLocation();
  const [onSignedOut] = useState(() => () => setState({ state: "out", principal: undefined }));
  const [api] = useState(() => createApi({ fetch: fetch.bind(globalThis), onSignedOut }));
  useEffect(() => {
    if (unused !== undefined) return undefined;
    const timer = setTimeout(() => setPatience(false), SESSION_GRACE_MS);
    void askSession(api, setState);
    return () => clearTimeout(timer);
    // Once: what follows is told by 401s and by signing in.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [api]);

  const session = useMemo<Session>(
    () => ({
      ...state,
      enter: (principal) => setState({ state: "in", principal }),
      signOut: async () => {
        await api.remove("session");
        onSignedOut();
      },
    }),
    [state, api, onSignedOut],
  );
  if (state.state === "asking" && patience && place !== "/sign-in") return null;
  return (
    <SessionContext value={session}>
      {state.state === "out" || place === "/sign-in" ? (
        <SignedOut api={api} code={unused} onUsed={() => setUnused(undefined)} />
      ) : (
        <SignedIn api={api} onSignedOut={onSignedOut} />
      )}
    </SessionContext>
  );
};

type SetState = (state: Pick<Session, "state" | "principal">) => void;

const askSession = async (api: Api, set: SetState): Promise<void> => {
  const answer = await api.get<Principal>("session");
  // Any other fault is not a refusal: the page's own parts will say what is wrong.
  if (answer.ok) set({ state: "in", principal: answer.value });
};

type SignedOutProps = {
  readonly api: Api;
  readonly code: string | undefined;
  readonly onUsed: () => void;
};

const SignedOut = (props: SignedOutProps) => {
  const [place] = useLocation();
  const { state } = useSession();
  if (place === "/sign-in") {
    if (state !== "in") return <SignIn {...props} />;
    const asked = safeNext(new URLSearchParams(location.search).get("next"));
    return <Redirect to={withLang(asked, location.search)} replace />;
  }
  const next = place === "/" ? "" : `?next=${encodeURIComponent(place + location.search)}`;
  return <Redirect to={withLang(`/sign-in${next}`, location.search)} replace />;
};

type SignedInProps = { readonly api: Api; readonly onSignedOut: () => void };

const SignedIn = ({ api, onSignedOut }: SignedInProps) => {
  const [live] = useState(() => followServer(api, onSignedOut));
  useEffect(() => live.stop, [live]);
  return (
    <ApiContext value={api}>
      <LiveContext value={live}>
        <RehearsalProvider>
          <Shell />
        </RehearsalProvider>
      </LiveContext>
    </ApiContext>
  );
};

/** What this browser offers, given to the live data as arguments. */
const followServer = (api: Api, onSignedOut: () => void): Live =>
  startLive({
    api,
    onSignedOut,
    monotonicMs: () => performance.now(),
    follow: (listener, signal) => {
      const net = { fetch: fetch.bind(globalThis), random: Math.random, wake: globalThis };
      const { locks } = navigator as { readonly locks?: LockManager };
      const openChannel =
        "BroadcastChannel" in globalThis ? (name: string) => new BroadcastChannel(name) : undefined;
      const connect: ShareDeps["connect"] = (handlers, until) =>
        keepConnected(net, handlers, until);
      shareStream({ locks, openChannel, connect }, listener, signal);
    },
  });

const Shell = () => {
  const { t } = useWords();
  const [helping, setHelping] = useState(false);
  const goTo = useGoTo();
  const { stale } = useLink();
  const onHelp = (): void => setHelping(true);
  useKeys({ goTo, onHelp });
  return (
    <div className="shell" data-stale={stale}>
      <a className="skip" href="#main">
        {t("nav.skip")}
      </a>
      <Header onHelp={onHelp} />
      <Ribbon />
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<div className="page-wait" />}>
          <Switch>
            <Route path="/ops">
              <Ops />
            </Route>
            <Route path="/ops/:service">{({ service }) => <Service id={service} />}</Route>
            <Route path="/go">
              <Go />
            </Route>
            <Route path="/explore">
              <Explore />
            </Route>
            <Route path="/">
              <Redirect to={withLang("/ops", location.search)} replace />
            </Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </Suspense>
      </main>
      <Announcer />
      <Suspense>{helping && <Help onClose={() => setHelping(false)} />}</Suspense>
    </div>
  );
};

const NotFound = () => {
  const { t } = useWords();
  return (
    <div className="page">
      <h1>{t("notFound.title")}</h1>
      <p>{t("notFound.text")}</p>
    </div>
  );
};
