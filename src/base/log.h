#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * Log lines on stderr.  The level is the program's only mutable global; it is set once, before any
 * thread starts.  A line is written with one write(2), so lines of several threads do not mix.
 * Under journald (JOURNAL_STREAM is set) a line starts with "<N>", its syslog priority; elsewhere
 * with the time and the level's name.
 */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

void log_set_level(enum log_level level);

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *fmt, ...);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
