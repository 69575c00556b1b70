/* Stands in for libFuzzer's main(): runs every file of the folders and files named through the target. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;

	if (f == NULL || fstat(fileno(f), &st) != 0) {
		perror(path);
		return -1;
	}
	/* Exactly as large as the input, so that a sanitizer sees a read past its end. */
	uint8_t *data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
	if (data == NULL || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		perror(path);
		abort();
	}
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	return 1;
}

static int run_folder(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	if (d == NULL) {
		perror(path);
		return -1;
	}
	for (const struct dirent *e; (e = readdir(d)) != NULL;) {
		char name[4096];
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (run_file(name) < 0) {
			n = -1;
			break;
		}
		n++;
	}
	(void)closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;
		int n = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? run_folder(argv[i])
								       : run_file(argv[i]);
		if (n <= 0) {
			(void)fprintf(stderr, "%s: nothing to replay\n", argv[i]);
			return 1;
		}
		(void)printf("%s: %d inputs\n", argv[i], n);
	}
	return argc < 2;
}
