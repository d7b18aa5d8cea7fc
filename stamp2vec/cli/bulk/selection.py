"""Which pages are left of a document that was begun."""


def after(pages: str, done: int | None) -> str:
    """What of `pages`, such as "1-3,7" and all where it is empty, comes after the page with the index `done`.

    Text that is no selection stays as it is: whoever reads the file reports it.
    """
    if done is None:
        return pages
    first = done + 2  # pages count from 1
    if not pages:
        return f"{first}-"
    left = []
    for part in pages.split(","):
        begin, dash, end = (each.strip() for each in part.partition("-"))
        if not begin.isdecimal() or (end and not end.isdecimal()):
            return pages
        last = end if dash else begin
        if not last or int(last) >= first:
            left.append(f"{max(int(begin), first)}{'-' if dash else ''}{end}")
    return ",".join(left)
