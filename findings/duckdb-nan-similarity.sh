#!/usr/bin/env bash
# duckdb 2.0.1: a vector of zeros is the best match of every query.
# Guess: the cosine similarity with a vector of length 0 is NULL or 0; were it NaN, no comparison with a threshold
#   would accept it.
# Seen: array_cosine_similarity() gives NaN, and NaN is larger than every number: "WHERE similarity > 0.5" accepts
#   the row, "ORDER BY similarity DESC" puts it first. "WHERE distance < 0.5" does not accept it.
# So: refuse vectors of zeros when they are stored, or ask by distance; a blank crop must not be enrolled as a stamp
#   that everything resembles.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages duckdb==2.0.1
python <<'PY'
import duckdb
from check import check

base = duckdb.connect()
base.execute("CREATE TABLE stamps (name VARCHAR, vector FLOAT[3])")
base.execute("INSERT INTO stamps VALUES ('same', [1, 0, 0]), ('blank', [0, 0, 0]), ('near', [0.9, 0.1, 0])")
QUERY = "[1, 0, 0]::FLOAT[3]"


def names(condition, order):
    rows = base.execute(
        f"SELECT name, array_cosine_similarity(vector, {QUERY}) AS similarity, array_cosine_distance(vector, {QUERY})"
        f" AS distance FROM stamps WHERE {condition} ORDER BY {order}"
    )
    return [name for name, *_ in rows.fetchall()]


check("similarity > 0.5, best first", names("similarity > 0.5", "similarity DESC"), ["blank", "same", "near"])
check("distance < 0.5, best first", names("distance < 0.5", "distance"), ["same", "near"])
value = base.execute(f"SELECT array_cosine_similarity([0, 0, 0]::FLOAT[3], {QUERY})").fetchall()[0][0]
check("the similarity is not equal to itself in Python", value != value, True)
PY
