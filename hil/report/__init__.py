"""Reports of a judged campaign: pages for people, tables for machines."""
