"""From records to verdicts: measurements of each run, criteria of each case, results of a campaign. Pure."""
