"""From a detector's candidates to the stamps of a page: candidates of one view, votes of all views."""
