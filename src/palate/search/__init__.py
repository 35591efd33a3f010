"""What finds: indexes of documents, and pipelines that search them."""
