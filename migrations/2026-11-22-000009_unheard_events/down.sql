DROP TABLE unheard_events;
