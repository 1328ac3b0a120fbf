// Module ModelImport.
