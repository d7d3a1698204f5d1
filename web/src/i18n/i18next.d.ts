import "i18next";
import type en from "./en.json";

// Makes a key that the English catalogue does not have a type error.
declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof en };
  }
}
