-- Run as embed_batch: 3000 images on a circle by one model, and every hundredth by the next.
INSERT INTO sku_image_embeddings (sku, image, model, embedding)
SELECT 'sku-' || n, 'front.jpg', 'clip-1', format('[%s,%s,0,0,0,0,0,0]', cos(n * pi() / 3000), sin(n * pi() / 3000))::vector FROM generate_series(1, 3000) AS n
ON CONFLICT DO NOTHING;
INSERT INTO sku_image_embeddings (sku, image, model, embedding)
SELECT 'sku-' || n, 'front.jpg', 'clip-2', format('[%s,%s,0,0,0,0,0,0]', cos(n * pi() / 3000), sin(n * pi() / 3000))::vector FROM generate_series(1, 3000, 100) AS n
ON CONFLICT DO NOTHING;
INSERT INTO sku_image_embeddings (sku, image, model, embedding) VALUES ('sku-1', 'front.jpg', 'clip-1', '[1,0,0,0,0,0,0,0]') ON CONFLICT DO NOTHING;
SELECT 'indexed';
