"""Pictures and sets looked over: measure, score, verdict."""
