DROP TABLE access_segments;
