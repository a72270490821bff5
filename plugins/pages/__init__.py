"""The pages: a FastAPI application that reads the store and renders HTML."""
