"""Generated queries for the differential test: facts -> expressions -> queries -> wire -> compare -> shrink."""
