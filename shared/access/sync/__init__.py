"""The access sync: fetch, map, diff, guard, apply, report."""
