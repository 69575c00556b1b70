#ifndef PKI_DISPATCH_H
#define PKI_DISPATCH_H

/* Run the command that argv names.  Returns the program's exit code (enum cli_exit). */
int dispatch_run(int argc, char **argv);

#endif
