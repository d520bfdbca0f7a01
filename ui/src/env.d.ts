declare module "*.css";
declare module "*.svg" {
  const url: string;
  export default url;
}
declare module "*.po" {
  import type { Messages } from "@lingui/core";
  export const messages: Messages;
}
