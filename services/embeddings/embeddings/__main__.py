from .app import application
from .service import serve

serve("embeddings", application())
