#include "pki/dispatch.h"

int main(int argc, char **argv)
{
	return dispatch_run(argc, argv);
}
