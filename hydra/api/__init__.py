"""What the four faces of the API share: dialects, JSON, paging, limits. It knows no app."""
