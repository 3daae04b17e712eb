"""The daily report: one day of the fleet on one page, as Markdown, and to channels each morning."""
