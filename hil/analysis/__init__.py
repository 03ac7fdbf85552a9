"""Pure numpy: what a recording says about a response, and how surely. It opens no file and knows no clock."""
