"""What an evaluation gives: metrics, outcomes, reasons, reports."""
