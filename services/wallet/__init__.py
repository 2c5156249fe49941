"""The wallet (オープンバッジウォレット): people receive their badges and keep them. Step 5 of the cycle."""
