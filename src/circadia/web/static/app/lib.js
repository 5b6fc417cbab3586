// The one door to the vendored view library.
import { useState } from "../vendor/preact/preact-htm.js";

export {
  h,
  html,
  render,
  Component,
  createContext,
  useState,
  useReducer,
  useEffect,
  useLayoutEffect,
  useRef,
  useMemo,
  useCallback,
  useContext,
  useErrorBoundary,
} from "../vendor/preact/preact-htm.js";

let ids = 0;

/** An id that no other element of the page has. */
export const useId = () => useState(() => `i${(ids += 1)}`)[0];
