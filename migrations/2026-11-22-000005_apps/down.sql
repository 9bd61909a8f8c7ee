DROP TABLE pushed_requests;
DROP TABLE apps;
