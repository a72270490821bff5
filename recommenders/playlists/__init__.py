"""The mixtape: its rules, who gets which song, order, reasons, publishing."""
