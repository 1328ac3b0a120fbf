// protobuf-c descriptions of the model files that deepfreeze reads.
#ifndef CMODELPROTOS_H
#define CMODELPROTOS_H
#endif
