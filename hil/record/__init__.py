"""Recordings on disk: CSV and COMTRADE, read into channels over one time base. No judgement is made here."""
