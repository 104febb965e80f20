"""HTTP behaviour that routes share: problems, responses, range requests, links and limits."""
