"""What is told of a run to where a person looks: mail, a chat, a phone."""
