"""The domain: no Prefect, no FastAPI, no reading of the environment."""
