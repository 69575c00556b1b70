/* Keeps the helpers' library from being empty. */
typedef int help_empty;
