// A deed behind a button: busy while it goes, its failure in words afterwards.

import { useState } from "../lib.js";

export function useDeed(deed) {
  const [state, setState] = useState({ busy: false, error: null });
  const run = async (...given) => {
    setState({ busy: true, error: null });
    try {
      const told = await deed(...given);
      setState({ busy: false, error: null });
      return told;
    } catch (error) {
      setState({ busy: false, error });
      return undefined;
    }
  };
  return { ...state, run };
}
