"""Step 8: both PDFs of each anchored assertion, 証書 and 内容詳細, in object storage."""
