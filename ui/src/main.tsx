/** Starts the web app. */
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import "./css/tokens.css";
import "./css/base.css";
import "./css/shell.css";
import "./css/panel.css";
import "./css/page.css";
import { firstWords, WordsProvider } from "./locales/words.tsx";
import { takeCode } from "./session/code.ts";
import { followTheme } from "./theme.ts";

followTheme();
const root = document.querySelector("#root");
if (root === null) throw new Error("index.html has no #root");
const code = takeCode(location, history);
void firstWords().then((i18n) =>
  createRoot(root).render(
    <WordsProvider i18n={i18n}>
      <App code={code} />
    </WordsProvider>,
  ),
);
