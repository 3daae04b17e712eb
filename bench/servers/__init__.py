"""What the product is measured against: bots, proxies that store nothing, and what most people would write."""
